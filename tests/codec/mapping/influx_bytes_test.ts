/**
 * Line protocol read from its bytes is what the slow path makes of it, and what a calculation says that
 * shares no code with either.
 */
import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import type { MappingTexts } from "../../../src/codec/mapping/event_mapping.ts";
import { influxReadings } from "../../../src/codec/mapping/influx_readings.ts";
import { ARRIVED_MS, read, Readers, type ReadRecord } from "./read.ts";
import { slowly } from "./slowly.ts";

const INFLUX = { format: "influx" };
const MAPPINGS: readonly MappingTexts[] = [
  INFLUX,
  { ...INFLUX, name: "{tag:a}.{field}", labels: "of:{measurement},b:{tag:b}" },
  { ...INFLUX, timeUnit: "s", timestamp: "bus", name: "{field}" },
  { ...INFLUX, timeUnit: "ms", labels: "x:{tag:a}{field}" },
];
const READERS = new Readers(MAPPINGS);

interface Field {
  readonly name: string;
  /** As it is written, and what it is; undefined: a text; NaN: no number. */
  readonly value: readonly [string, number | undefined];
}

interface Line {
  readonly measurement: string;
  readonly tags: readonly (readonly [string, string])[];
  readonly fields: readonly Field[];
  readonly time: number | undefined;
}

const escaped = (text: string, characters: string) =>
  [...text].map((one) => characters.includes(one) ? `\\${one}` : one).join("");
const written = ({ measurement, tags, fields, time }: Line) =>
  escaped(measurement, ", ") +
  tags.map(([key, value]) => `,${escaped(key, ",= ")}=${escaped(value, ",= ")}`).join("") +
  " " + fields.map(({ name, value }) => `${escaped(name, ",= ")}=${value[0]}`).join(",") +
  (time === undefined ? "" : ` ${time}000000`);

/** Texts for names: all that needs an escape, and nothing that means something else without one. */
const name = fc.oneof(
  fc.constantFrom("cpu", "temp", "a b", "x,y", "k=v", "wärme", "東京", "a\\b", 'q"q', "😀"),
  fc.string({ unit: fc.constantFrom(..."abcXYZ019.-_ ,=äß東😀"), minLength: 1, maxLength: 6 }),
).filter((text) => text.trim() === text);
const anyNumber = fc.oneof(
  fc.integer().map((n): [string, number] => [`${n}`, n]),
  // JavaScript writes -0 without its sign.
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n): [string, number] => [`${n}`, n + 0]),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((n): [string, number] => [n.toFixed(3), +n.toFixed(3)]),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n): [string, number] => [`${n}i`, Number(n)]),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((n): [string, number] => [`${n}u`, Number(n)]),
  fc.constantFrom<[string, number][]>(
    ["t", 1],
    ["T", 1],
    ["true", 1],
    ["True", 1],
    ["TRUE", 1],
    ["f", 0],
    ["F", 0],
    ["false", 0],
    ["False", 0],
    ["FALSE", 0],
    ["-0", -0],
    ["+5", 5],
    ["5.", 5],
    [".5", 0.5],
    ["1E3", 1000],
    ["1e-2", 0.01],
    ["00012", 12],
    ["9007199254740993", 2 ** 53],
    ["0.1234567890123456789012345", 0.12345678901234568],
  ),
);
const notNumber = fc.constantFrom<[string, number][]>(
  ...["NaN", "nan", "-Inf", "Infinity", "1.5i", "-1u", "+1u", "1e999", "x", "tru", "1i2", "0x10", "i", "."]
    .map((text): [string, number] => [text, NaN]),
);
const text = fc.string({ unit: fc.constantFrom(...'ab ,=#ä"\\\n'), maxLength: 6 })
  .map((one): [string, undefined] => [`"${one.replace(/["\\]/g, "\\$&")}"`, undefined]);
const field = fc.record({
  name,
  value: fc.oneof({ weight: 6, arbitrary: anyNumber }, { weight: 1, arbitrary: notNumber }, text),
});
const line = fc.record({
  measurement: name.filter((one) => !one.startsWith("#")),
  tags: fc.array(fc.tuple(fc.oneof(fc.constantFrom("a", "b"), name), name), { maxLength: 3 }),
  fields: fc.array(field, { minLength: 1, maxLength: 4 }),
  time: fc.option(fc.integer({ min: 0, max: 4e12 }), { nil: undefined }),
});

/** The events of lines by the plain mapping, calculated from what was written. */
function expected(lines: readonly Line[]) {
  return lines.flatMap(({ measurement, tags, fields, time }) =>
    fields.flatMap(({ name, value: [, value] }) =>
      value === undefined || Number.isNaN(value) ? [] : [{
        name: `${measurement}.${name}`,
        labels: Object.fromEntries(tags),
        value,
        timeMs: time === undefined ? ARRIVED_MS : Math.round(Number(`${time}000000`) / 1e9 * 1000),
      }]
    )
  );
}
const essence = ({ events }: ReadRecord) =>
  events.map(({ name, labels, value, timeMs }) => ({ name, labels, value, timeMs }));

Deno.test("what is written is what is read, whatever is escaped, quoted, no number or between the lines", () => {
  const between = fc.constantFrom(
    "\n",
    "\r\n",
    "\n\n",
    "\n# it's \"one\n",
    "\n#\\\n",
    "\n  \n",
    " \n",
    "\n ",
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(line, between), { minLength: 1, maxLength: 5 }), (lines) => {
      const record = lines.map(([one, separator]) => written(one) + separator).join("");
      const refused = lines.reduce((sum, [{ fields }]) => {
        const numbers = fields.filter(({ value }) => value[1] !== undefined);
        const bad = numbers.filter(({ value }) => Number.isNaN(value[1])).length;
        return sum + (numbers.length === 0 ? 1 : bad);
      }, 0);
      const content = READERS.read(record, INFLUX);
      assert.deepEqual(essence(content), expected(lines.map(([one]) => one)));
      // Where nothing fits, it is one refusal.
      assert.equal(content.invalid.length, content.events.length === 0 ? Math.min(1, refused) : refused);
      for (const event of content.events) assert.deepEqual(read(event.raw, INFLUX).events, [event]);
    }),
    { numRuns: 800 },
  );
});

Deno.test("a record is what the slow path makes of it: by each mapping, cut anywhere, as bytes and in a reply", () => {
  const part = fc.oneof(
    { weight: 3, arbitrary: line.map(written) },
    fc.string({ unit: fc.constantFrom(...'m,a= \\"#\n\r\t1.i0teu-+\ufeff\u00a0ä'), maxLength: 24 }),
  );
  const record = fc.tuple(fc.array(part, { maxLength: 4 }), fc.nat(60)).map(([parts, cut]) => {
    const whole = parts.join("\n");
    return whole.slice(0, Math.max(0, whole.length - (cut > 30 ? 0 : cut)));
  });
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...MAPPINGS),
      (records, texts) => {
        const wellFormed = records.map((one) => one.toWellFormed());
        const all = wellFormed.map((one) => slowly(influxReadings, one, texts));
        for (const [i, one] of wellFormed.entries()) {
          assert.deepEqual(essence(READERS.read(one, texts)), essence(all[i]!), one);
          assert.deepEqual(READERS.read(one, texts), all[i], one);
        }
        const reply = READERS.inReply(wellFormed, texts);
        assert.deepEqual(essence(reply), all.flatMap(essence));
        assert.deepEqual(reply.events, all.flatMap(({ events }) => events));
        assert.deepEqual(
          reply.invalid.map(({ detail }) => detail),
          all.flatMap(({ invalid }) => invalid.map(({ detail }) => detail)),
        );
      },
    ),
    { numRuns: 1500 },
  );
});

Deno.test("a field without a value at the end of a record is no event, whatever lies behind it", () => {
  const record = "-a a=t\ncpu a=";
  assert.equal(READERS.read(record, INFLUX).events.length, 1);
  assert.equal(READERS.inReply([record, record], INFLUX).events.length, 2);
});

Deno.test("bytes that are no UTF-8 refuse the record, and leave nothing of it in the batch", () => {
  const good = new TextEncoder().encode("m,a=b v=1,w=2 5\nm v=NaN\n");
  const bad = Uint8Array.from([...good, 0x6d, 0xff, ...new TextEncoder().encode(" v=1 5\n")]);
  assert.deepEqual(read(bad, INFLUX).invalid.map(({ detail }) => detail), ["not UTF-8"]);
  assert.deepEqual(read(bad, INFLUX).events, []);
});

Deno.test("a record has no more events than it may have", () => {
  const text = Array.from({ length: 4000 }, (_, i) => `m a=${i},b=${i},c=${i} 5`).join("\n");
  const { events, invalid } = READERS.read(text, INFLUX);
  assert.equal(events.length, 10_000);
  assert.match(invalid[0]!.detail, /more than 10000 events in one record/);
});

Deno.test("a batch that is filled again has the key of each of its series", () => {
  for (const times of [1, 2, 3]) {
    const { events } = READERS.read("m,a=b v=1 5\n".repeat(times) + "n v=2 5", INFLUX);
    assert.deepEqual(events.map(({ name }) => name), [...Array(times).fill("m.v"), "n.v"]);
  }
});

Deno.test("a line that is no event costs no other, though the record begins with a line break", () => {
  for (const bad of ["m v=1 soon", "m v=1 5 6", "m v", 'm v="x', "m ,v=1"]) {
    const record = `\n${bad}\nm v=2 5000000`;
    assert.deepEqual(READERS.read(record, INFLUX), slowly(influxReadings, record, INFLUX), bad);
  }
});

Deno.test("a comment that looks like a line is none, nor is one behind a space", () => {
  for (const comment of ["#m v=1 5000000", "# m v=1", "#", " #m v=1 5000000", "#m,a=b v=1\\"]) {
    const { events, invalid } = READERS.read(`${comment}\nm v=2 6000000\n${comment}`, INFLUX);
    assert.deepEqual(events.map(({ name, value }) => [name, value]), [["m.v", 2]], comment);
    assert.deepEqual(invalid, []);
  }
});
