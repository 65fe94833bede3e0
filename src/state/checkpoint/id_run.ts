import { hashBytes } from "../../event/text_hash.ts";
import { ColumnError, ColumnReader } from "./columns.ts";

/** Takes an event id: a range of the texts of its run, and its hash. */
export type TakeId = (text: Uint8Array, start: number, length: number, hash: number) => void;

/** Reads a run of event ids, the oldest first. @throws {ColumnError} */
export function readIdRun(run: Uint8Array, take: TakeId): void {
  const reader = new ColumnReader(run);
  const lengths = reader.uint16();
  const text = reader.uint8();
  let start = 0;
  for (const length of lengths) {
    if (start + length > text.length) throw new ColumnError("a run of event ids is cut off");
    take(text, start, length, hashBytes(text, start, length));
    start += length;
  }
}
