import { type KnownField, KnownHead } from "../../../src/codec/mapping/known_head.ts";
import { RecordShape } from "../../../src/codec/mapping/record_shape.ts";
import { RecordReader } from "../../../src/codec/mapping/record_reader.ts";
import type { BrokenVariant } from "./broken_variant.ts";
import { replace } from "./replace.ts";

/** Mistakes in what becomes of mapped records. */
export const BROKEN_MAPPING: readonly BrokenVariant[] = [
  {
    name: "a record of a known shape has the numbers of the one before",
    foundBy: 2,
    parts: () =>
      replace(RecordShape, "scan", (scan) =>
        function (slots, ...rest) {
          const before = slots.number.slice();
          const end = scan.call(this, slots, ...rest);
          slots.number.set(before);
          return end;
        }),
  },
  {
    name: "all fields of a line are taken for the first one",
    foundBy: 1,
    parts: () =>
      replace(KnownHead, "find", () =>
        function () {
          return (this as unknown as { first: KnownField | undefined }).first;
        }),
  },
  {
    name: "a dead letter that is put back is read without the mapping",
    foundBy: 3,
    parts: () =>
      replace(RecordReader, "read", (read) =>
        function (batch, start, end, context, content) {
          // A dead letter is the only record of its batch.
          if (start > 0 || batch.total > 0) read.call(this, batch, start, end, context, content);
          else batch.invalid.push({ index: batch.total++, detail: "not read", rawStart: start, rawEnd: end });
        }),
  },
];
