/**
 * The fast path over mapped JSON makes the same of a record as the slow one, and as a calculation that shares
 * no code with either.
 */
import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { compileMapping, type MappingTexts } from "../../../src/codec/mapping/event_mapping.ts";
import { PlainJson } from "../../../src/codec/mapping/plain_json.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { hashBytes } from "../../../src/event/text_hash.ts";
import { ARRIVED_MS, contentOf, read } from "./read.ts";

function plainJson(texts: MappingTexts): PlainJson {
  const compiled = compileMapping(texts);
  assert.ok("ok" in compiled && compiled.ok !== undefined);
  const plain = PlainJson.for(compiled.ok);
  assert.ok(plain !== undefined);
  return plain;
}

/**
 * What the fast path alone makes of a record; undefined: it leaves it to the slow one. Unless it is given, it
 * knows no record before.
 */
function fast(text: string, texts: MappingTexts, plain = plainJson(texts)) {
  const batch = new EventBatch();
  batch.reset(new TextEncoder().encode(text));
  batch.reserve();
  const end = plain.scan(batch, 0, { arrivedMs: ARRIVED_MS });
  if (end < 0) {
    assert.equal(batch.count, 0);
    return undefined;
  }
  assert.equal(batch.count, 1);
  return end === batch.bytes.length ? contentOf(batch).events[0] : undefined;
}

/** In the plainest way there is: by `JSON.parse`, and only what is surely right. */
function plainly(text: string, texts: MappingTexts) {
  const record = JSON.parse(text);
  const at = (pointer: string): unknown =>
    pointer.slice(1).split("/").reduce(
      (value, key) => (value as Record<string, unknown> | undefined)?.[key],
      record,
    );
  const number = (value: unknown) => typeof value === "boolean" ? (value ? 1 : 0) : Number(value);
  const fill = (template: string) => template.replace(/\{([^}]*)\}/g, (_, pointer) => String(at(pointer)));
  const labels: Record<string, string> = {};
  for (const rule of texts.labels?.split(",") ?? []) {
    const [label, source] = rule.split(":") as [string, string];
    const value = source.startsWith("/") ? at(source) : fill(source);
    if (value !== undefined && value !== null) labels[label] = String(value);
  }
  const perSecond = { s: 1, ms: 1000, us: 1e6, ns: 1e9 }[texts.timeUnit ?? "s"]!;
  return {
    name: fill(texts.name ?? "{/name}"),
    labels,
    func: (at("/agg_func") ?? undefined) as string | undefined,
    value: number(at(texts.value ?? "/value")),
    timeMs: Math.round(number(at(texts.timestamp ?? "/timestamp")) / perSecond * 1000),
    id: at("/id") === undefined || at("/id") === null ? undefined : String(at("/id")),
    raw: text,
  };
}

const MAPPINGS: readonly MappingTexts[] = [
  { value: "/m/v", name: "{/m/n}" },
  { value: "/v", name: "{/m/n}.{/k}-x", labels: "z:/m/z,a:/k,b:p{/k}" },
  { value: "/v", name: "{/name}", timestamp: "/m/t", timeUnit: "ms", labels: "site:/m/n" },
  { value: "/v", name: "x", timestamp: "/t", timeUnit: "ns" },
  { name: "{/name}{/name}", labels: "a:/m/z" },
];

const plainText = fc.stringMatching(/^[ -!#-[\]-~]{0,8}$/);
const anyText = fc.oneof({ weight: 5, arbitrary: plainText }, fc.string({ unit: "binary", maxLength: 4 }));
const number = fc.oneof(
  fc.integer({ min: 0, max: 2_000_000_000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.integer({ min: 0, max: 4e12 }).map((ms) => ms / 1000),
  fc.constantFrom(0, -0, 9007199254740993, 1e21, 1e-7),
);
const leaf = fc.oneof(
  number,
  anyText,
  number.map(String),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(
    [],
    {},
    [1, { a: "b" }],
    { deep: [[["x"]]] },
    "1,5",
    "true",
    " 1",
    "+1",
    "2026-01-31T06:00:00Z",
  ),
);
const record = fc.record({
  m: fc.oneof(
    { weight: 6, arbitrary: fc.record({ n: anyText, v: leaf, z: leaf, t: leaf }, { requiredKeys: [] }) },
    leaf,
  ),
  v: leaf,
  k: leaf,
  t: leaf,
  name: fc.oneof(anyText, leaf),
  value: leaf,
  timestamp: fc.oneof(number, leaf),
  agg_func: fc.constantFrom("sum", "p99.9", "median", "", null, 7),
  id: leaf,
  other: leaf,
}, { requiredKeys: ["m", "v", "name", "timestamp"] });

const words = fc.stringMatching(/^[a-zA-Z0-9 .:{}-]{1,12}$/);
const plainRecord = fc.record({
  m: fc.record({
    n: words,
    v: number,
    z: fc.oneof(words, fc.constant(null)),
    t: fc.integer({ min: 0, max: 1e15 }),
  }),
  v: fc.oneof(
    fc.integer(),
    fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    fc.integer().map(String),
    fc.boolean(),
  ),
  k: fc.oneof(words, fc.integer({ min: -1e9, max: 1e9 }).map((n) => n + 0), fc.boolean()),
  t: fc.integer({ min: 0, max: 4e15 }),
  name: words,
  value: fc.integer(),
  timestamp: fc.integer({ min: 0, max: 4e12 }).map((ms) => ms / 1000),
  agg_func: fc.constantFrom("avg", undefined, null),
  id: fc.oneof(words, fc.integer({ min: 0 }), fc.constant(null)),
  extra: fc.constantFrom(1.5e300, [1, [2, { a: "x" }], {}], { a: { b: [] } }, "text", false),
});

Deno.test("what the fast path takes is what the slow one makes of it, whatever the record", () => {
  let taken = 0;
  fc.assert(
    fc.property(
      record,
      fc.constantFrom(...MAPPINGS),
      fc.constantFrom(undefined, 1),
      (value, texts, indent) => {
        const text = JSON.stringify(value, null, indent);
        const event = fast(text, texts);
        if (event === undefined) return;
        taken++;
        // The slow path alone: a space before the record is nothing that the fast one knows.
        const slow = read(` ${text}`, texts);
        assert.deepEqual(slow.invalid, []);
        assert.deepEqual(slow.events.map((one) => ({ ...one, raw: text })), [event]);
      },
    ),
    { numRuns: 3000, seed: 1510 },
  );
  assert.ok(taken > 100, `${taken} records are too few to tell`);
});

Deno.test("plain records take the fast path, and become what a plain calculation makes of them", () => {
  fc.assert(
    fc.property(
      plainRecord,
      fc.constantFrom(...MAPPINGS),
      fc.constantFrom(undefined, 2),
      (value, texts, indent) => {
        const text = JSON.stringify(value, null, indent);
        assert.deepEqual(fast(text, texts), plainly(text, texts));
      },
    ),
    { numRuns: 2000, seed: 1511 },
  );
});

/** A record as text, and each of its texts, numbers and words as a range of it. */
function withValues(text: string): { text: string; values: [start: number, end: number][] } {
  const values: [number, number][] = [];
  for (
    const match of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:|("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null)/g)
  ) {
    if (match[1] !== undefined) values.push([match.index, match.index + match[0].length]);
  }
  return { text, values };
}

Deno.test("records of a shape that was seen before become what they would without it", () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.oneof(leaf, number, plainText)), { maxLength: 4 });
  const damage = fc.option(fc.tuple(fc.nat(), fc.constantFrom(...'"\\{}[]:,01-.etx \x7fä')), { freq: 4 });
  let taken = 0;
  fc.assert(
    fc.property(
      fc.oneof({ weight: 4, arbitrary: plainRecord }, record),
      fc.constantFrom(...MAPPINGS),
      fc.constantFrom(undefined, 1),
      fc.array(fc.tuple(changes, damage), { minLength: 1, maxLength: 6 }),
      (value, texts, indent, others) => {
        const first = withValues(JSON.stringify(value, null, indent));
        const plain = plainJson(texts);
        fast(first.text, texts, plain);
        for (const [changed, damaged] of others) {
          const values = new Map(changed.map(([at, to]) => [at % first.values.length, JSON.stringify(to)]));
          let { text } = first;
          for (const [i, [start, end]] of [...first.values.entries()].reverse()) {
            const to = values.get(i);
            if (to !== undefined) text = text.slice(0, start) + to + text.slice(end);
          }
          if (damaged !== null) {
            const at = damaged[0] % text.length;
            text = text.slice(0, at) + damaged[1] + text.slice(at + 1);
          }
          const expected = fast(text, texts);
          assert.deepEqual(fast(text, texts, plain), expected, text);
          if (expected !== undefined) taken++;
        }
      },
    ),
    { numRuns: 2000, seed: 1512 },
  );
  assert.ok(taken > 1000, `${taken} records are too few to tell`);
});

Deno.test("what is not plain, or no JSON, is left to the slow path", () => {
  const texts = { name: "{/name}", value: "/v", timestamp: "bus" };
  assert.equal(fast('{"name":"n","v":1}', texts)?.value, 1);
  const others = [
    '{"name":"n","v":1,"v":2}',
    '{"name":"\\u006e","v":1}',
    '{"name":"ü","v":1}',
    '{"name":"n","v":1,}',
    '{"name":"n","v":01}',
    '{"name":"n","v":1.}',
    '{"name":"n","v":.5}',
    '{"name":"n","v":1e}',
    '{"name":"n","v":-}',
    '{"name":"n" "v":1}',
    '{"name":"n","v":1',
    '{"name":"n","v":1,"x":[1,]}',
    '{"name":"n","v":1,"x":tru}',
    '{"name":"n","v":1,"x":"a\tb"}',
    '{"name":"n","v":NaN}',
    '{"name":"n","v":1e999}',
    '{"name":"","v":1}',
    `{"name":"${"n".repeat(513)}","v":1}`,
    '{"name":"n","v":1,"labels":{"a":"b"}}',
    "[]",
    "",
  ];
  for (const text of others) assert.equal(fast(text, texts), undefined, text);
  const many = `{"name":"n","v":1,"x":${"[".repeat(70)}${"]".repeat(70)}}`;
  assert.equal(fast(many, texts), undefined);
  assert.equal(read(many, texts).events.length, 1);
});

Deno.test("mappings that the fast path does not know are left to the slow one", () => {
  const known = (texts: MappingTexts) => {
    const compiled = compileMapping(texts);
    assert.ok("ok" in compiled && compiled.ok !== undefined);
    return PlainJson.for(compiled.ok) !== undefined;
  };
  assert.ok(known({ labels: "a:/b" }));
  for (
    const texts of [{ value: "*" }, { name: "{topic}" }, { name: "{path}" }, { name: "ü{/a}" }, {
      labels: "ü:/a",
    }, { format: "csv" }]
  ) {
    assert.ok(!known(texts), JSON.stringify(texts));
  }
});

Deno.test("a series that was seen before is another one with an empty label, without it, or cut otherwise", () => {
  const texts = { name: "{/a}{/b}", value: "/v", timestamp: "/t", labels: "x:/x,y:/y" };
  const plain = plainJson(texts);
  const fields = [
    { a: "ab", b: "c" },
    { a: "a", b: "bc" },
    { a: "ab", b: "c", x: "" },
    { a: "ab", b: "c", y: "" },
    { a: "ab", b: "c", x: "", y: "" },
    { a: "ab", b: "c", x: null, y: "1" },
    { a: "ab", b: "c", x: "1" },
    { a: "ab", b: "c", x: 1 },
    { a: "ab", b: "c", x: true, y: "true" },
  ];
  for (let round = 0; round < 3; round++) {
    for (const one of fields) {
      const text = JSON.stringify({ ...one, v: 1, t: 1 });
      assert.deepEqual(fast(text, texts, plain), plainly(text, texts), text);
    }
    for (const x of ["\x7f", 1.5, [1], {}]) {
      const text = JSON.stringify({ a: "ab", b: "c", x, v: 1, t: 1 });
      assert.equal(fast(text, texts, plain), undefined, text);
    }
    assert.equal(fast('{"a":"ab","v":1,"t":1}', texts, plain), undefined);
  }
});

/** A record whose parts are as JSON has them, and what the fast path makes of it. */
function fastOf(parts: Readonly<Record<string, string>>, texts: MappingTexts = {}) {
  const all = { name: '"n"', v: "1", timestamp: "1", ...parts };
  const text = `{${Object.entries(all).map(([key, value]) => `"${key}":${value}`).join(",")}}`;
  return fast(text, { value: "/v", ...texts });
}

Deno.test("in place: values are numbers, numbers as text and booleans", () => {
  const values: readonly (readonly [string, number | undefined])[] = [
    ["0", 0],
    ["-12.5", -12.5],
    ["1e3", 1000],
    ["true", 1],
    ["false", 0],
    ['"7.5"', 7.5],
    ['"-1E-2"', -0.01],
    ...["null", "{}", "[]", '""', '"x"', '"1x"', '" 1"', '"+1"', '"true"', "1e400"].map((text) =>
      [text, undefined] as const
    ),
  ];
  for (const [text, value] of values) assert.equal(fastOf({ v: text })?.value, value, text);
});

Deno.test("in place: times are whole milliseconds of any unit, no earlier than 1970", () => {
  const times: readonly (readonly [MappingTexts["timeUnit"], string, number | undefined])[] = [
    ["s", "0", 0],
    ["s", "-0", 0],
    ["s", "0.5", 500],
    ["s", "1.0006", 1001],
    ["s", '"2.5"', 2500],
    ["ms", "1763942400123", 1763942400123],
    ["ms", "9007199254740991", 9007199254740990],
    ["ms", "9007199254740992", undefined],
    ["us", "1500000", 1500],
    ["ns", '"1500000000"', 1500],
    ["rfc3339", '"1970-01-01T00:00:01.5Z"', 1500],
    ...["-1", "-0.001", "true", "false", "null", "[]", '""', '"x"', '"1970-01-01T00:00:01Z"'].map((text) =>
      ["s", text, undefined] as const
    ),
    ...["1", '"1"', "true", "null", '"1970-13-01T00:00:01Z"'].map((text) =>
      ["rfc3339", text, undefined] as const
    ),
  ];
  for (const [timeUnit, text, timeMs] of times) {
    const event = fastOf({ timestamp: text }, { timeUnit: timeUnit! });
    assert.equal(event?.timeMs, timeMs, `${text} in ${timeUnit}`);
    assert.ok(!Object.is(event?.timeMs, -0), text);
  }
});

Deno.test("in place: an event names a function or none", () => {
  const functions: readonly (readonly [string, string | undefined])[] = [
    ...["sum", "avg", "last", "p50", "p99.9", "p99.9999"].map((name) => [`"${name}"`, name] as const),
    ...["null", '""'].map((text) => [text, undefined] as const),
  ];
  for (const [text, name] of functions) {
    const event = fastOf({ agg_func: text });
    assert.ok(event !== undefined, text);
    assert.equal(event.func, name, text);
  }
  assert.equal(fastOf({})!.func, undefined);
  for (const text of ['"mean"', '"s"', '"SUM"', '"p101"', `"p${"0".repeat(16)}"`, "1", "true", "{}", "[]"]) {
    assert.equal(fastOf({ agg_func: text }), undefined, text);
  }
});

Deno.test("in place: an id is a text, or a whole number as it would be as text", () => {
  const ids: readonly (readonly [string, string | undefined])[] = [
    ...["a", "some id", "i".repeat(256), "001", "-"].map((id) => [`"${id}"`, id] as const),
    ...["0", "7", "-7", "10", "908", "999999999999999", "-100000000000009"].map((id) => [id, id] as const),
    ...['""', "null", "true", "false"].map((text) => [text, undefined] as const),
  ];
  for (const [text, id] of ids) {
    const event = fastOf({ id: text });
    assert.ok(event !== undefined, text);
    assert.equal(event.id, id, text);
  }
  for (
    const text of [`"${"i".repeat(257)}"`, "-0", "1.0", "0.5", "1e3", "9999999999999999", "-1234567890123456"]
  ) {
    assert.equal(fastOf({ id: text }), undefined, text);
  }
});

Deno.test("in place: a name and the values of labels are texts, or whole numbers as they would be as text", () => {
  const texts = { name: "line.{/name}", labels: "b:/b,a:x{/a}y" };
  const seriesOf = (parts: Readonly<Record<string, string>>) => {
    const event = fastOf({ a: '"1"', ...parts }, texts);
    return event && [event.name, event.labels];
  };
  assert.deepEqual(seriesOf({ b: '"2"' }), ["line.n", { a: "x1y", b: "2" }]);
  assert.deepEqual(seriesOf({ b: "-17", name: "0" }), ["line.0", { a: "x1y", b: "-17" }]);
  assert.deepEqual(seriesOf({ b: "true", a: "false" }), ["line.n", { a: "xfalsey", b: "true" }]);
  // A label that nothing is left of is none; a text that lacks a part is no text.
  for (const parts of [{}, { b: "null" }]) assert.deepEqual(seriesOf(parts), ["line.n", { a: "x1y" }]);
  for (const part of ["null", "1.5", "-0", "{}", "[]", '"\x7f"']) {
    assert.equal(seriesOf({ a: part }), undefined, part);
  }
  for (const part of ["1.5", "1e3", "{}", "[]", '"\x7f"']) {
    assert.equal(seriesOf({ b: part }), undefined, part);
  }
  for (const part of ["null", "1.5", "{}"]) assert.equal(seriesOf({ name: part }), undefined, part);
});

Deno.test("in place: a name has up to 512 bytes, and 2048 with the labels", () => {
  const nameOf = (length: number, texts: MappingTexts) =>
    fastOf({ name: `"${"n".repeat(length)}"` }, texts)?.name;
  for (const [texts, more] of [[{}, 0], [{ name: "x{/name}" }, 1]] as const) {
    assert.equal(nameOf(512 - more, texts)?.length, 512);
    assert.equal(nameOf(513 - more, texts), undefined);
    assert.equal(nameOf(0, texts)?.length, more === 0 ? undefined : 1);
  }
  const labelOf = (length: number) => fastOf({ l: `"${"v".repeat(length)}"` }, { labels: "key:/l" })?.labels;
  assert.equal(labelOf(2048 - 4)?.key?.length, 2044);
  assert.equal(labelOf(2048 - 3), undefined);
});

Deno.test("in place: what is left to the slow path leaves nothing in the batch", () => {
  const texts = { value: "/v", labels: "l:/l" };
  const plain = plainJson(texts);
  const record = (label: string) => `{"name":"n","v":1,"timestamp":1,"l":"${label}"}`;
  const batch = new EventBatch();
  for (const label of ["v".repeat(2047), "\x7f"]) {
    batch.reset(new TextEncoder().encode(record(label)));
    batch.reserve();
    assert.equal(plain.scan(batch, 0, { arrivedMs: ARRIVED_MS }), -1);
    assert.deepEqual([batch.count, batch.extraLength], [0, 0]);
  }
});

Deno.test("in place: an event comes with where it stands, its key in order, and the hashes of its texts", () => {
  const before = "[7, ";
  const mappings: readonly (readonly [MappingTexts, string])[] = [
    [{}, "oven"],
    [{ name: "x.{/name}" }, "x.oven"],
    [{ labels: "b:/b,a:/a,c:y{/c}" }, 'oven\0{"a":"1","b":"two","c":"y3"}'],
    [{ labels: "c:/none,b:/b" }, 'oven\0{"b":"two"}'],
  ];
  for (const [texts, key] of mappings) {
    const plain = plainJson({ value: "/v", ...texts });
    for (const [id, idText] of [['"some id"', "some id"], ["4711", "4711"]] as const) {
      const record = `{"name":"oven","v":1,"timestamp":2,"a":"1","b":"two","c":3,"id":${id}}`;
      const batch = new EventBatch();
      batch.reset(new TextEncoder().encode(`${before}${record}]`));
      batch.reserve();
      batch.total = 5;
      // The second event has a series that is known, and one that has no id leaves none of the one before.
      for (let i = 0; i < 2; i++) {
        batch.reserve();
        assert.equal(
          plain.scan(batch, before.length, { arrivedMs: ARRIVED_MS }),
          before.length + record.length,
        );
        const name = batch.nameStart[i]!;
        const [source, at] = name < 0 ? [batch.extra, ~name] : [batch.bytes, name];
        assert.equal(new TextDecoder().decode(source.subarray(at, at + batch.nameLength[i]!)), key);
        assert.equal(batch.nameHash[i], hashBytes(source, at, batch.nameLength[i]!), key);
        const [idStart, idLength] = [batch.idStart[i]!, batch.idLength[i]!];
        assert.equal(new TextDecoder().decode(batch.bytes.subarray(idStart, idStart + idLength)), idText);
        assert.equal(batch.idHash[i], hashBytes(batch.bytes, idStart, idLength));
        const raw = [batch.position[i], batch.rawStart[i], batch.rawEnd[i]];
        assert.deepEqual(raw, [5, before.length, before.length + record.length]);
      }
      batch.reset(new TextEncoder().encode('{"name":"oven","v":1,"timestamp":2,"a":1,"b":2,"c":3}'));
      assert.ok(plain.scan(batch, 0, { arrivedMs: ARRIVED_MS }) > 0);
      assert.equal(batch.idLength[0], 0);
    }
  }
});

Deno.test("in place: a text that begins with a part that is missing is none", () => {
  assert.equal(fastOf({}, { labels: "a:{/a}y" }), undefined);
  assert.deepEqual(fastOf({ a: "1" }, { labels: "a:{/a}y,b:z" })?.labels, { a: "1y", b: "z" });
});

Deno.test("names with a quote, a backslash or another alphabet are for the slow path", () => {
  for (const name of ['"{/name}', "\\{/name}", "ä{/name}", "\x7f{/name}"]) {
    const compiled = compileMapping({ name });
    assert.ok("ok" in compiled && compiled.ok !== undefined, name);
    assert.equal(PlainJson.for(compiled.ok), undefined, name);
  }
});
