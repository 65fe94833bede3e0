/** Random mappings over records that are made for them, against what the records were made of. */
import assert from "node:assert/strict";
import type { MappingTexts } from "../../../src/codec/mapping/event_mapping.ts";
import fc from "../../support/fast_check.ts";
import { Readers } from "./read.ts";

/** What a record is made of. */
interface Made {
  readonly parts: readonly string[];
  readonly value: number;
  readonly timeMs: number;
  readonly func: string | undefined;
  readonly id: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

const UNITS: Readonly<Record<string, (ms: number) => number | string>> = {
  s: (ms) => ms / 1000,
  ms: (ms) => ms,
  us: (ms) => ms * 1000,
  rfc3339: (ms) => new Date(ms).toISOString(),
};
const FUNCTIONS = ["sum", "avg", "p99", "last"];
const LABELS = ["line", "site", "hall"];

/** A key of an object, with characters that a pointer escapes. */
const key = fc.string({
  unit: fc.constantFrom("a", "b", "/", "~", "ü", " ", "1"),
  minLength: 1,
  maxLength: 3,
});
const path = fc.array(key, { minLength: 1, maxLength: 3 });
const text = fc.string({
  unit: fc.constantFrom("x", "y", "0", "ä", "😀", '"', "\\", "-"),
  minLength: 1,
  maxLength: 6,
});
const made: fc.Arbitrary<Made> = fc.record({
  parts: fc.tuple(text, text),
  value: fc.oneof(fc.integer({ min: -1e6, max: 1e6 }), fc.double({ min: -1e9, max: 1e9, noNaN: true })),
  timeMs: fc.integer({ min: 1_600_000_000_000, max: 1_700_000_000_000 }),
  func: fc.option(fc.constantFrom(...FUNCTIONS), { nil: undefined }),
  id: fc.option(text, { nil: undefined }),
  labels: fc.dictionary(fc.constantFrom(...LABELS), text, { maxKeys: 3 }),
});

/** Where each thing stands in a record. No path leads through another one. */
const layout = fc.uniqueArray(path, { minLength: 7, maxLength: 7, comparator: (a, b) => leadsThrough(a, b) });

function leadsThrough(a: readonly string[], b: readonly string[]): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.every((part, i) => part === long[i]);
}

function pointer(parts: readonly string[]): string {
  return parts.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function put(record: Record<string, unknown>, parts: readonly string[], value: unknown): void {
  let at = record;
  for (const part of parts.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
  at[parts.at(-1)!] = value;
}

function mappingOf(
  [first, second, value, time, func, id, label]: readonly string[][],
  unit: string,
): MappingTexts {
  return {
    format: "json",
    name: `{${pointer(first!)}}.{${pointer(second!)}}`,
    value: pointer(value!),
    timestamp: pointer(time!),
    timeUnit: unit,
    function: pointer(func!),
    id: pointer(id!),
    labels: LABELS.map((name) => `${name}:${pointer([...label!, name])}`).join(),
  };
}

function recordOf(
  { parts, value, timeMs, func, id, labels }: Made,
  [first, second, valueAt, time, funcAt, idAt, label]: readonly string[][],
  unit: string,
  isQuoted: boolean,
): string {
  const record: Record<string, unknown> = {};
  put(record, first!, parts[0]);
  put(record, second!, parts[1]);
  put(record, valueAt!, isQuoted ? `${value}` : value);
  put(record, time!, UNITS[unit]!(timeMs));
  if (func !== undefined) put(record, funcAt!, func);
  if (id !== undefined) put(record, idAt!, id);
  for (const [name, text] of Object.entries(labels)) put(record, [...label!, name], text);
  return JSON.stringify(record);
}

Deno.test("property: a random mapping finds in a record what the record was made of", () => {
  fc.assert(
    fc.property(
      layout,
      fc.constantFrom(...Object.keys(UNITS)),
      fc.array(fc.tuple(made, fc.boolean()), { minLength: 1, maxLength: 8 }),
      (layout, unit, all) => {
        const texts = mappingOf(layout, unit);
        const readers = new Readers([texts]);
        for (const [made, isQuoted] of all) {
          const record = recordOf(made, layout, unit, isQuoted);
          const { events, invalid } = readers.read(record, texts);
          assert.deepEqual(invalid, [], record);
          const { name, labels, func, value, timeMs, id, raw } = events[0]!;
          assert.deepEqual(
            { name, labels, func, value, timeMs, id, raw },
            {
              name: made.parts.join("."),
              labels: { ...made.labels },
              func: made.func,
              value: made.value + 0,
              timeMs: made.timeMs,
              id: made.id,
              raw: record,
            },
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});
