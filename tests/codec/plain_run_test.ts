import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { NAME_MAX_CHARACTERS } from "../../src/event/event.ts";
import { EventBatch, INT_COLUMNS } from "../../src/event/event_batch.ts";
import { LABELS_MAX, SERIES_MAX_BYTES } from "../../src/event/labels.ts";
import { EventScanner } from "../../src/codec/event_scanner.ts";
import { JsonBytes } from "../../src/codec/json_bytes.ts";
import { PlainRun } from "../../src/codec/plain_run.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";

const COLUMNS = [...INT_COLUMNS, "value", "timeMs"] as const;
const NO_LIMIT = 1_000_000;

/** The events of a batch, column by column, without the place of an id that there is not. */
function columnsOf(batch: EventBatch): unknown {
  const columns = COLUMNS.filter((name) => !name.startsWith("line")).map((name) => [
    name,
    Array.from(batch[name].subarray(0, batch.count)).map((value, i) =>
      (name === "idStart" || name === "idHash") && batch.idLength[i] === 0 ? undefined : value
    ),
  ]);
  const extra = new TextDecoder().decode(batch.extra.subarray(0, batch.extraLength));
  return { ...Object.fromEntries(columns), total: batch.total, count: batch.count, extra };
}

function replyOf(elements: readonly string[]): Uint8Array {
  return new TextEncoder().encode(
    `{"log":"L","offset":0,"next":${elements.length},"events":[${elements.join(",")}]}`,
  );
}

/** Reads the elements of a reply one by one, without {@link PlainRun}. */
function scanOneByOne(bytes: Uint8Array, elements: readonly string[]): EventBatch {
  const batch = new EventBatch();
  batch.reset(bytes);
  const scanner = new EventScanner(new JsonBytes(bytes), batch);
  let at = bytes.indexOf("[".charCodeAt(0)) + 1;
  for (const element of elements) {
    const start = at + element.length - element.trimStart().length;
    const end = at + new TextEncoder().encode(element.trimEnd()).length;
    batch.reserve();
    if (scanner.scanPlain(start) === end) batch.total++;
    else scanner.scanAny(start, end);
    at += new TextEncoder().encode(element).length + 1;
  }
  return batch;
}

/** Reads a list of elements by one call. Returns how many events it has taken, and where it stopped. */
function run(list: string, max = NO_LIMIT): { batch: EventBatch; rest: string } {
  const bytes = new TextEncoder().encode(list);
  const batch = new EventBatch();
  batch.reset(bytes);
  const at = new PlainRun(bytes, batch, ",").scan(0, max);
  return { batch, rest: new TextDecoder().decode(bytes.subarray(at)) };
}

const NAME = `"name":"a"`;
const VALUE = `"value":1`;
const TIME = `"timestamp":1`;
/** Every fifth one has labels. */
const event = (i: number) =>
  `{"name":"plant.line${i % 7}.sensor${i % 1000}","value":${i / 8},"timestamp":${1_790_000_000 + i / 1000}${
    i % 5 === 0 ? `,"labels":{"line":"${i % 7}","site":"north"}` : ""
  }}`;

Deno.test("events in a row are read in one call, up to the last one, however many pieces they take", () => {
  const events = Array.from({ length: 6000 }, (_, i) => event(i));
  const { batch, rest } = run(`${events.join(",")}]`);
  assert.equal(rest, `${events.at(-1)}]`);
  assert.equal(batch.count, events.length - 1);
  const bytes = replyOf(events);
  const whole = new EventBatch();
  scanReply(bytes, whole);
  assert.deepEqual(columnsOf(whole), columnsOf(scanOneByOne(bytes, events)));
});

Deno.test("no more events are read than may be", () => {
  const list = Array.from({ length: 5000 }, (_, i) => event(i)).join(",");
  for (const max of [0, 1, 2047, 2048, 2049, 4096, 4998]) {
    const { batch, rest } = run(list, max);
    assert.deepEqual([batch.count, batch.total], [max, max]);
    assert.ok(rest.startsWith(event(max)), `${max}`);
  }
});

/** An event with labels, as they are written. */
const labelled = (labels: string, name = "a") => `{"name":"${name}",${VALUE},${TIME},"labels":${labels}}`;
const manyLabels = (count: number) =>
  JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${10 + i}`, `${i}`])));
const LONGEST_NAME = "n".repeat(NAME_MAX_CHARACTERS);
/** With the longest name: so many bytes for the key and the value of a label. */
const labelOf = (bytes: number) => `{"k":"${"v".repeat(bytes - 1)}"}`;
const LABEL_MAX_BYTES = SERIES_MAX_BYTES - NAME_MAX_CHARACTERS;

/** Each is read in a row or left, whatever stands around it. */
const READ = [
  ...["sum", "avg", "min", "max", "count", "first", "last", "stddev", "p0", "p5", "p50", "p099", "p100"].map((
    name,
  ) => `{${NAME},${VALUE},${TIME},"agg_func":"${name}"}`),
  ...[
    "0",
    "-0",
    "0.0",
    "-1.50",
    "9007199254740991",
    "-9007199254740991",
    "0.1234567890123456",
  ]
    .map((number) => `{${NAME},"value":${number},${TIME}}`),
  ...["0", "0.0004", "0.0005", "0.9995", "1.0005", "1.0015", "253402300799.9994", "253402300799.9995"].map((
    time,
  ) => `{${NAME},${VALUE},"timestamp":${time}}`),
  ...["", "i", "id'9", "abc", "abcd", "abcde", "i".repeat(256)].map((id) =>
    `{"id":"${id}",${NAME},${VALUE},${TIME}}`
  ),
  ...["n", "n2", "n23", "n234", "n2345", " !#[]~", "x".repeat(512)].map((name) =>
    `{"name":"${name}",${VALUE},${TIME}}`
  ),
  ` \n\r\t{  ${NAME}  ,  "value"  :  1  ,  ${TIME}  }`,
  ...[
    `{"a":"b"}`,
    `{"":""}`,
    `{"a":"","b":"c"}`,
    `{"a":"1","aa":"2","ab":"3","b":""}`,
    `{"abcd":"0123","abcde":"01234","abcdef":"0"}`,
    `{"line":"4","machine":"press-1","site":"north ~!#"}`,
    manyLabels(LABELS_MAX),
  ].map((labels) => labelled(labels)),
  ...Array.from(
    { length: 9 },
    (_, length) => labelled(`{"k":"${"v".repeat(length)}"}`, "n".repeat(length + 1)),
  ),
  labelled(labelOf(LABEL_MAX_BYTES), LONGEST_NAME),
  `{"labels":{"a":"b"},${VALUE},"id":"i",${TIME},"agg_func":"max",${NAME}}`,
  `{ "labels" : {"a":"b"} , ${NAME},${VALUE},${TIME}}`,
];
const LEFT = [
  ...[
    "",
    "sums",
    "mean",
    "p",
    "p101",
    "p1000",
    "p5x",
    "p-1",
    "p50.0",
    "SUM",
    "lasts",
    "firsx",
    "counx",
    "stdder",
  ].map((
    name,
  ) => `{${NAME},${VALUE},${TIME},"agg_func":"${name}"}`),
  ...[
    "01",
    "-",
    ".5",
    "1.",
    "1e3",
    "+1",
    "9007199254740992",
    "12345678901234.5678",
    "1234567890123456789",
    "0.12345678901234567",
    "0.000000000000000001",
    '"1"',
  ]
    .map((number) => `{${NAME},"value":${number},${TIME}}`),
  ...["-1", "-0.001", "9007199254740.993"].map((time) => `{${NAME},${VALUE},"timestamp":${time}}`),
  ...["i".repeat(257), "\\u0041", "ä", "\u007f\u0080"].map((id) => `{"id":"${id}",${NAME},${VALUE},${TIME}}`),
  ...["", "x".repeat(513), "a\\\\", "ä", "\u0001", "abc\u001f"].map((name) =>
    `{"name":"${name}",${VALUE},${TIME}}`
  ),
  ...[`{${NAME},${VALUE}}`, `{${NAME},${TIME}}`, `{${VALUE},${TIME}}`, `{${NAME},${NAME},${VALUE},${TIME}}`],
  ...[
    `{${NAME},${VALUE},${TIME},}`,
    `{${NAME} ${VALUE},${TIME}}`,
    `{${NAME},${VALUE},${TIME}]`,
    `{}`,
    `[]`,
    `1`,
  ],
  ...["nam", "nema", "namf", "names"].map((field) => `{"${field}":"a",${VALUE},${TIME}}`),
  ...["valuf", "vatue", "valus", "val"].map((field) => `{${NAME},"${field}":1,${TIME}}`),
  ...["timestanp", "timestams", "tumestamp", "timextamp", "timestam", "time"].map((field) =>
    `{${NAME},${VALUE},"${field}":1}`
  ),
  ...[`{"names":"a",${VALUE},${TIME}}`, `{${NAME},"values":1,${TIME}}`, `{${NAME},${VALUE},"timestamps":1}`],
  ...["nam", "nema", "val", "valuf", "timestanp", "timestams", "agg_fund", "agg_func_", "ie", "idx", "labels"]
    .map((
      field,
    ) => `{${NAME},${VALUE},${TIME},"${field}":"sum"}`),
  ...[
    `{}`,
    `{ "a":"b"}`,
    `{"a" :"b"}`,
    `{"a": "b"}`,
    `{"a":"b" }`,
    `{"a":"b", "c":"d"}`,
    `{"b":"1","a":"2"}`,
    `{"aa":"1","a":"2"}`,
    `{"a":"1","a":"2"}`,
    `{"abcde":"1","abcdd":"2"}`,
    `{"a":1}`,
    `{"a":null}`,
    `{"a"}`,
    `{"a":"b",}`,
    `{"a":"b"]`,
    `{"a":"\\u0041"}`,
    `{"\\u0041":"a"}`,
    `{"a":"ä"}`,
    `{"ä":"a"}`,
    `{"a":"b\u007f"}`,
    `{"abc\u007f":"b"}`,
    `{"a":"\u0001"}`,
    `[]`,
    `"a"`,
    `null`,
    manyLabels(LABELS_MAX + 1),
  ].map((labels) => labelled(labels)),
  labelled(labelOf(LABEL_MAX_BYTES + 1), LONGEST_NAME),
  `{${NAME},"labels":{"a":"b"},"labels":{"a":"b"},${VALUE},${TIME}}`,
  `{"labels":{"a":"b"},${VALUE},${TIME}}`,
  `{\t${NAME},${VALUE},${TIME}}`,
];

Deno.test("what is read in a row is what is read alone; what is left is where the row ends", () => {
  for (const element of READ) {
    const { batch, rest } = run(`${event(0)},${element},${event(1)}]`);
    assert.equal(rest, `${event(1)}]`, element);
    const bytes = replyOf([event(0), element, event(1)]);
    const whole = new EventBatch();
    scanReply(bytes, whole);
    assert.deepEqual(
      columnsOf(whole),
      columnsOf(scanOneByOne(bytes, [event(0), element, event(1)])),
      element,
    );
    assert.equal(batch.count, 2);
  }
  for (const element of LEFT) {
    const { batch, rest } = run(`${event(0)},${element},${event(1)},${event(2)}]`);
    assert.equal(rest, `${element},${event(1)},${event(2)}]`, element);
    assert.deepEqual([batch.count, batch.total], [1, 1], element);
  }
});

Deno.test("an event that no comma follows is left, and one that is cut off", () => {
  for (const after of ["", "]", " ,", " ]", "}"]) {
    assert.equal(run(`${event(0)},${event(1)}${after}`).rest, `${event(1)}${after}`);
  }
  const list = `${event(0)},${event(1)},`;
  for (let length = 0; length < list.length; length++) {
    const { batch, rest } = run(list.slice(0, length));
    const isWhole = length > event(0).length;
    assert.deepEqual([batch.count, rest], [
      isWhole ? 1 : 0,
      list.slice(isWhole ? event(0).length + 1 : 0, length),
    ]);
  }
});

Deno.test("property: a long reply with odd elements anywhere is read as element by element", () => {
  const odd = fc.oneof(
    fc.constantFrom(...LEFT.filter(isJson), ...READ),
    fc.constant(`"${"x".repeat(70_000)}"`),
  );
  const long = fc.integer({ min: 0, max: 70_000 }).map((length) =>
    `{${" ".repeat(length)}${NAME},${VALUE},"timestamp":${length}}`
  );
  const script = fc.array(
    fc.record({ plain: fc.nat({ max: 900 }), element: fc.oneof({ weight: 3, arbitrary: odd }, long) }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(script, (parts) => {
      const elements = parts.flatMap(({ element, plain }) => [
        ...Array.from({ length: plain }, (_, i) => event(i)),
        element,
      ]);
      if (elements.length === 0) return;
      const bytes = replyOf(elements);
      const whole = new EventBatch();
      scanReply(bytes, whole);
      const oneByOne = scanOneByOne(bytes, elements);
      assert.deepEqual(columnsOf(whole), columnsOf(oneByOne));
      assert.deepEqual(whole.invalid, oneByOne.invalid);
    }),
    { numRuns: 40 },
  );
});

/** What a reply can have among its elements without being refused as a whole. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

Deno.test("two replies can be read in turns", () => {
  const lists = ["a", "b"].map((name) =>
    new TextEncoder().encode(
      Array.from({ length: 3000 }, (_, i) => `{"name":"${name}${i}",${VALUE},"timestamp":${i}}`).join(",") +
        ",",
    )
  );
  const readers = lists.map((bytes) => {
    const batch = new EventBatch();
    batch.reset(bytes);
    return { batch, bytes, plain: new PlainRun(bytes, batch, ","), at: 0 };
  });
  while (readers.some(({ at, bytes }) => at < bytes.length)) {
    for (const reader of readers) reader.at = reader.plain.scan(reader.at, 100);
  }
  for (const [i, { batch, bytes }] of readers.entries()) {
    assert.equal(batch.count, 3000);
    const lastName = batch.nameStart[2999]!;
    assert.equal(
      new TextDecoder().decode(bytes.subarray(lastName, lastName + batch.nameLength[2999]!)),
      `${"ab"[i]}2999`,
    );
  }
});

Deno.test("where events in a row are rare they are looked for rarely, and found again", () => {
  const odd = labelled(`{"a": "b"}`);
  const bytes = new TextEncoder().encode(`${`${odd},`.repeat(1000)}${`${event(0)},`.repeat(2000)}`);
  const batch = new EventBatch();
  batch.reset(bytes);
  const plain = new PlainRun(bytes, batch, ",");
  let [at, calls, longest] = [0, 0, 0];
  while (at < bytes.length) {
    const next = plain.scan(at, NO_LIMIT);
    calls++;
    longest = Math.max(longest, next - at);
    at = next > at ? next : bytes.indexOf(0x0a, at) < 0 ? endOf(bytes, at) : at;
  }
  assert.ok(longest > 1700 * event(0).length, `${longest} bytes at once`);
  assert.ok(calls < 1400, `${calls} calls`);
});

/** Where the element after the one at `at` begins. */
function endOf(bytes: Uint8Array, at: number): number {
  return new JsonBytes(bytes).endOfElement(at) + 1;
}
