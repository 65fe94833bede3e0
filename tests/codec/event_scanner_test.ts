import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "../support/fast_check.ts";
import { functionName, UNNAMED, usualOf } from "../../src/event/agg_function.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { seriesKey } from "../../src/event/labels.ts";
import { labelKeys, readReply } from "../support/reply_model.ts";
import { headOf, scanReply } from "../../src/codec/reply_scanner.ts";
import { ReplyFormatError } from "../../src/codec/json_bytes.ts";
import { checkEvent } from "../../src/codec/event_check.ts";
import { scanEvent } from "../../src/codec/event_scanner.ts";

interface Scanned {
  position: number;
  /** With its labels. */
  name: string;
  func: string | undefined;
  value: number;
  timeMs: number;
  id: string | undefined;
}

function scan(text: string): { header: unknown; events: Scanned[]; invalid: [number, string][] } {
  const bytes = new TextEncoder().encode(text);
  const batch = new EventBatch();
  const header = scanReply(bytes, batch);
  const decode = (start: number, length: number) =>
    new TextDecoder().decode(
      start >= 0 ? bytes.subarray(start, start + length) : batch.extra.subarray(~start, ~start + length),
    );
  const events = Array.from({ length: batch.count }, (_, i) => ({
    position: batch.position[i]!,
    name: decode(batch.nameStart[i]!, batch.nameLength[i]!),
    func: functionOf(batch.functionId[i]!),
    value: batch.value[i]!,
    timeMs: batch.timeMs[i]!,
    id: batch.idLength[i]! > 0 ? decode(batch.idStart[i]!, batch.idLength[i]!) : undefined,
  }));
  for (let i = 0; i < batch.count; i++) {
    const raw = new TextDecoder().decode(bytes.subarray(batch.rawStart[i]!, batch.rawEnd[i]!));
    assert.deepEqual(JSON.parse(raw), readReply(bytes)!.elements[batch.position[i]!]!.json!.value);
  }
  // What is wrong with the JSON is said for the operator, and the model has no words for it.
  const invalid = batch.invalid.map(({ index, detail }): [number, string] => [
    index,
    detail.replace(/^not JSON:.*/, "not JSON"),
  ]);
  return { header, events, invalid };
}

function functionOf(id: number): string | undefined {
  return id === UNNAMED
    ? undefined
    : id < UNNAMED
    ? `usually ${functionName(usualOf(id))}`
    : functionName(id);
}

/** The slow and simple implementation. */
function parse(text: string): ReturnType<typeof scan> {
  const { parsed, elements } = readReply(new TextEncoder().encode(text))!;
  const { log, offset, next } = parsed as Record<string, unknown>;
  const result: ReturnType<typeof scan> = { header: { log, offset, next }, events: [], invalid: [] };
  elements.forEach(({ json, bytes }, position) => {
    let checked = json === undefined ? "not JSON" : checkEvent(json.value);
    if (typeof checked === "object" && checked.labels !== "") {
      const keys = labelKeys(bytes);
      if (new Set(keys).size < keys.length) checked = "a label that is there twice";
    }
    if (typeof checked === "string") result.invalid.push([position, checked]);
    else {
      const { functionId, value, timeMs, id } = checked;
      const name = seriesKey(checked.name, checked.labels);
      const isLong = id !== undefined && new TextEncoder().encode(id).length > 256;
      const kept = isLong ? createHash("sha256").update(id).digest("hex") : id;
      result.events.push({ position, name, func: functionOf(functionId), value, timeMs, id: kept });
    }
  });
  return result;
}

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom(
    "plant.line7.sensor",
    "größe",
    'a"b',
    "a\\b",
    "x".repeat(512),
    "x".repeat(513),
    "\u0000",
    "😀",
  ),
);
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.integer({ min: 0, max: 2_000_000_000 }).map((n) => n / 1000),
  fc.constantFrom(0, -0, 1e21, 1e-7, 9007199254740993, 1763942400.123456, 253402300800),
);
const anything = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  text,
  number,
  fc.constant([]),
  fc.constant({ a: [1, "}"] }),
);
const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ name: text, value: number, timestamp: number }, { requiredKeys: [] }) },
  {
    weight: 6,
    arbitrary: fc.record({
      name: fc.stringMatching(/^[a-z.]{1,10}$/),
      value: number,
      timestamp: fc.integer({ min: 0, max: 2_000_000_000_000 }).map((ms) => ms / 1000),
      agg_func: fc.constantFrom(
        "sum",
        "avg",
        "min",
        "max",
        "count",
        "first",
        "last",
        "stddev",
        "p50",
        "p99.9",
        "p101",
      ),
      id: text,
      default_func: fc.constantFrom("sum", "avg", "min", "last", "p50", "none", "x".repeat(20)),
      labels: fc.dictionary(text, fc.oneof({ weight: 9, arbitrary: text }, anything), { maxKeys: 4 }),
    }, { requiredKeys: ["name", "value", "timestamp"] }),
  },
  {
    weight: 2,
    arbitrary: fc.dictionary(
      fc.constantFrom("name", "value", "timestamp", "agg_func", "id", "labels", "x"),
      anything,
    ),
  },
  { weight: 1, arbitrary: anything },
);
const reply = fc.record({
  log: fc.string({ minLength: 1, maxLength: 20 }),
  offset: fc.nat(),
  events: fc.array(event, { maxLength: 20 }),
}).map(({ log, offset, events }) => ({ log, offset, next: offset + events.length, events }));

Deno.test("scanning equals JSON.parse and validation, whatever the events and the white space", () => {
  fc.assert(
    fc.property(reply, fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
      const json = JSON.stringify(value, null, indent);
      assert.deepEqual(scan(json), parse(json));
    }),
    { numRuns: 1000, seed: 1019 },
  );
});

Deno.test("scanning accepts and refuses the same texts as the model of replies, after any change of bytes", () => {
  const mutation = fc.record({
    at: fc.nat(),
    removed: fc.nat({ max: 3 }),
    added: fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.constantFrom(
        '"',
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "-",
        "0",
        ".",
        "e",
        "\n",
        "\u0001",
        '"name":1,',
        "+",
      ),
    ),
  });
  fc.assert(
    fc.property(reply, fc.array(mutation, { minLength: 1, maxLength: 3 }), (value, mutations) => {
      let json = JSON.stringify(value);
      for (const { at, removed, added } of mutations) {
        const start = at % (json.length + 1);
        json = json.slice(0, start) + added + json.slice(start + removed);
      }
      // The text is sent as UTF-8, so half a surrogate pair becomes U+FFFD.
      json = json.toWellFormed();
      const expected = attempt(() => parseReply(json));
      assert.deepEqual(attempt(() => scan(json)), expected);
    }),
    { numRuns: 2000, seed: 1020 },
  );
});

/** {@link parse}, with the further rules for a reply. */
function parseReply(json: string): ReturnType<typeof scan> {
  const parsed = readReply(new TextEncoder().encode(json))?.parsed as Record<string, unknown> | undefined;
  assert.ok(parsed !== undefined && parsed !== null && typeof parsed === "object" && !Array.isArray(parsed));
  assert.ok(typeof parsed.log === "string" && parsed.log.length > 0 && parsed.log.length <= 512);
  assert.ok(parsed.log.isWellFormed() && Array.isArray(parsed.events));
  for (const n of [parsed.offset, parsed.next]) assert.ok(Number.isSafeInteger(n) && n as number >= 0);
  assert.equal(parsed.next as number - (parsed.offset as number), parsed.events.length);
  return parse(json);
}

function attempt<T>(work: () => T): T | "refused" {
  try {
    return work();
  } catch (error) {
    if (
      error instanceof ReplyFormatError || error instanceof SyntaxError ||
      error instanceof assert.AssertionError
    ) return "refused";
    throw error;
  }
}

Deno.test("a reply that is cut off anywhere is refused", () => {
  const json = JSON.stringify({
    log: "L",
    offset: 3,
    next: 5,
    events: [{ name: "a", value: 1.5, timestamp: 1.25, agg_func: "avg", id: "i" }, {
      name: "ä",
      value: 2,
      timestamp: 3,
    }],
  });
  const bytes = new TextEncoder().encode(json);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(
      () => scanReply(bytes.subarray(0, length), new EventBatch()),
      ReplyFormatError,
      `${length}`,
    );
  }
});

/** A reply of three elements, the one in the middle of these bytes. */
function around(element: Uint8Array, outside: Uint8Array = new Uint8Array()): Uint8Array {
  const text = (content: string) => new TextEncoder().encode(content);
  return Buffer.concat([
    text('{"log":"L","offset":7,"more":"'),
    outside,
    text('","next":10,"events":[{"name":"a","value":1,"timestamp":1} , '),
    element,
    text(' ,{"name":"b","value":2,"timestamp":2}]}'),
  ]);
}

const NOT_UTF8: Readonly<Record<string, number[]>> = {
  "a byte of Latin-1": [0xfc],
  "a continuation on its own": [0x80],
  "a sequence that is cut": [0xe2, 0x82],
  "an overlong slash": [0xc0, 0xaf],
  "an overlong NUL": [0xe0, 0x80, 0x80],
  "half a surrogate pair": [0xed, 0xa0, 0x80],
  "a surrogate pair as CESU-8 has it": [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
  "beyond U+10FFFF": [0xf4, 0x90, 0x80, 0x80],
  "five bytes": [0xf8, 0x88, 0x80, 0x80, 0x80],
  "no byte of UTF-8": [0xff],
};
for (const [what, bytes] of Object.entries(NOT_UTF8)) {
  Deno.test(`${what}: that event is invalid with its bytes; outside of events the reply is refused`, () => {
    const fields = ["name", "id", "agg_func", "unit"].map((field) =>
      `{"value":1,"timestamp":2,"name":"n","${field}":"@"}`
    );
    for (
      const text of [
        ...fields,
        '{"value":1,"timestamp":2,"name":"n","@":1}',
        '"@"',
        '{"value":1,@"timestamp":2,"name":"n"}',
      ]
    ) {
      const [before, after] = text.split("@").map((part) => new TextEncoder().encode(part));
      const element = Buffer.concat([before!, Uint8Array.from(bytes), after!]);
      const batch = new EventBatch();
      scanReply(around(element), batch);
      assert.deepEqual([batch.total, batch.count], [3, 2]);
      const [{ index, detail, rawStart, rawEnd }] = batch.invalid as [(typeof batch.invalid)[0]];
      assert.deepEqual([index, detail], [1, "not UTF-8"]);
      assert.deepEqual(Buffer.from(batch.bytes.subarray(rawStart, rawEnd)), element);
      scanEvent(element, batch);
      assert.deepEqual([batch.total, batch.count, batch.invalid[0]!.detail], [1, 0, "not UTF-8"]);
    }
    const outside = around(new TextEncoder().encode("1"), Uint8Array.from(bytes));
    assert.throws(() => scanReply(outside, new EventBatch()), ReplyFormatError);
    assert.equal(headOf(outside), undefined);
  });
}

Deno.test("a reply with more elements than were asked for is refused at the first one too many", () => {
  for (const element of ["{}", "1", "[]", '{"name":"n","value":1,"timestamp":1}', "NaN"]) {
    const body = new TextEncoder().encode(
      `{"log":"L","offset":0,"next":5000,"events":[${Array(5000).fill(element).join()}]}`,
    );
    const batch = new EventBatch();
    assert.throws(() => scanReply(body, batch, 10), /more events than the 10 that were asked for/);
    assert.ok(batch.invalid.length <= 10);
    assert.deepEqual(scanReply(body, batch, 5000), { log: "L", offset: 0, next: 5000 });
  }
});

// deno-fmt-ignore
const NOT_JSON = [
  "NaN", "Infinity", "-Infinity", "1.", "+1", ".5", "01", "-", "1e", "0x10", "1_000", "nul", "undefined", "1 2", "'a'", "//",
  '{"name":"n","value":NaN,"timestamp":1}', '{"name":"n","value":-Infinity,"timestamp":1}', '{"name":"n","value":1.,"timestamp":1}',
  '{"name":"n","value":+1,"timestamp":1}', '{"name":"n","value":.5,"timestamp":1}', '{"name":"n","value":01,"timestamp":1}',
  "{'name':'n','value':1,'timestamp':1}", "{name:1}", '{"name":"n","value":1,"timestamp":1,}', "[1,]", '{"a":[1,2}]', '{"a":1]',
  '{"name":"n",/* unit, V */"value":1,"timestamp":1}', '{"name":"n\u0001","value":1,"timestamp":1}', '{"name":"a\nb"}',
  '{"name":"\\x41","value":1,"timestamp":1}', '{"name":"n" "value":1}', '{"name":"n","value":1,"timestamp":1};',
  '{"name":"n","value":1,"timestamp":1}x', '{"name":"n","value":,"timestamp":1}', '{"name":"n","value":None,"timestamp":1}',
  '\ufeff{"name":"n","value":1,"timestamp":1}', '{"name":"n","value":1,\u00a0"timestamp":1}', '{"a":{"b":[{"c":tru}]}}',
];
Deno.test("an element that is not JSON is cut out with its bytes, and the rest is read", () => {
  for (const text of NOT_JSON) {
    const element = new TextEncoder().encode(text);
    const batch = new EventBatch();
    assert.deepEqual(scanReply(around(element), batch), { log: "L", offset: 7, next: 10 }, text);
    assert.deepEqual([batch.total, batch.count], [3, 2], text);
    assert.deepEqual(batch.invalid.map(({ index, detail }) => [index, detail]), [[1, "not JSON"]], text);
    const { rawStart, rawEnd } = batch.invalid[0]!;
    assert.deepEqual(Buffer.from(batch.bytes.subarray(rawStart, rawEnd)), Buffer.from(element), text);
    scanEvent(element, batch);
    assert.deepEqual([batch.total, batch.count, batch.invalid[0]!.detail], [1, 0, "not JSON"], text);
  }
});

Deno.test("what cannot be cut out makes the reply unreadable", () => {
  for (const text of ["", '{"a":1', '{"a":1}}', '"a', '{"a":"b}', "[1", "}", '{"a":1}{"b":1},', "'it\"s'"]) {
    assert.throws(
      () => scanReply(around(new TextEncoder().encode(text)), new EventBatch()),
      ReplyFormatError,
      text,
    );
  }
});

Deno.test("half a surrogate pair is no text of a name, an id or a log, however it is written", () => {
  for (const field of ["name", "id"]) {
    const batch = new EventBatch();
    const element = `{"name":"n","value":1,"timestamp":1,"${field}":"x\\udc00"}`;
    scanReply(around(new TextEncoder().encode(element)), batch);
    assert.equal(batch.invalid[0]!.detail, `${field} with half a surrogate pair`);
  }
  assert.throws(() => scan('{"log":"\\ud800","offset":0,"next":0,"events":[]}'), /no "log"/);
});

Deno.test("a byte order mark before a reply is no part of it", () => {
  const reply = '{"log":"L","offset":0,"next":1,"events":[1]}';
  assert.equal(scan(`\ufeff${reply}`).invalid.length, 1);
  // What has its first byte, its first two or its last two.
  for (const mark of ["\uff01", "\ufec0", "\ubeff"]) {
    const bytes = new TextEncoder().encode(mark + reply);
    assert.throws(() => scanReply(bytes, new EventBatch()), ReplyFormatError, mark);
  }
});

Deno.test("the next offset is known from the head of a reply, or not at all", () => {
  const bytes = (json: string) => new TextEncoder().encode(json);
  assert.deepEqual(headOf(bytes('{"log":"L","offset":1,"next":42,"events":[]}')), {
    log: "L",
    offset: 1,
    next: 42,
  });
  assert.equal(headOf(bytes('{"events":[{"next":7}],"log":"L","offset":1,"next":42}')), undefined);
  assert.equal(headOf(bytes('{"log":"L","next":42,"events":[]}')), undefined);
  assert.equal(headOf(bytes('{"log":"\\u004c","offset":1,"next":42,"events":['))?.log, "L");
  assert.equal(headOf(bytes('{"log":"L","offset":1.5,"next":42,"events":[]}')), undefined);
  assert.equal(headOf(bytes("")), undefined);
});

Deno.test("a reply with more events than can be asked for is refused before they fill the memory", () => {
  const text = `{"log":"l","offset":0,"next":1000001,"events":[${"1,".repeat(1_000_000)}1]}`;
  assert.throws(
    () => scan(text),
    (error) => error instanceof ReplyFormatError && /more events than/.test(error.message),
  );
});

/** Runs `work` without `JSON.parse`, to show that the fast path does not need it. */
function inPlace<T>(work: () => T): T {
  const { decode } = TextDecoder.prototype;
  const { parse } = JSON;
  const unasked = () => {
    throw new Error("not read in place");
  };
  Object.assign(TextDecoder.prototype, { decode: unasked });
  Object.assign(JSON, { parse: unasked });
  try {
    return work();
  } finally {
    Object.assign(TextDecoder.prototype, { decode });
    Object.assign(JSON, { parse });
  }
}

/** Space after an event, so that no word reaches beyond the end. */
const ROOM = " ".repeat(16);

Deno.test("an event of the usual shape is read in place, without text or objects", () => {
  const plain = fc.stringMatching(/^[ !#-[\]-~]{1,40}$/);
  const digits = fc.oneof(
    fc.integer({ min: -9_999_999, max: 9_999_999 }).map((n) => `${n / 1000}`),
    fc.nat().map(String),
    fc.nat({ max: 9999 }).map((n) => `${n}.${n}0`),
    fc.constantFrom("0", "-0", "0.0", "9", "-9.9", "900719925474.0991", "0.0000000000000000000001"),
  );
  const fields = fc.record({
    name: fc.oneof(plain, fc.constant("x".repeat(512))),
    value: fc.oneof(digits, fc.constantFrom("9007199254740991", "-9007199254740991")),
    timestamp: digits.map((text) => text.replace("-", "")),
    agg_func: fc.constantFrom("sum", "avg", "min", "max"),
    id: fc.oneof(plain, fc.constant(""), fc.constant("i".repeat(256))),
    labels: fc.dictionary(fc.oneof(plain, fc.constant("")), fc.oneof(plain, fc.constant("")), { maxKeys: 5 }),
  }, { requiredKeys: ["name", "value", "timestamp"] });
  const order = fc.shuffledSubarray(["name", "value", "timestamp", "agg_func", "id", "labels"] as const, {
    minLength: 6,
  });
  const space = fc.constantFrom("", " ", "  ");
  fc.assert(
    fc.property(fields, order, space, (event, names, gap) => {
      const members = names.flatMap((name) => {
        const value = event[name];
        if (value === undefined) return [];
        const text = name === "value" || name === "timestamp" ? value : JSON.stringify(value);
        return [`${gap}"${name}"${gap}:${gap}${text}${gap}`];
      });
      const json = `{${members.join(",")}}`;
      const bytes = new TextEncoder().encode(json + ROOM);
      const batch = new EventBatch();
      inPlace(() => scanEvent(bytes, batch));
      assert.deepEqual([batch.count, batch.total, batch.invalid.length], [1, 1, 0]);
      assert.equal(batch.nameStart[0]! < 0, Object.keys(event.labels ?? {}).length > 0);
      const reply = `{"log":"L","offset":0,"next":1,"events":[${json}]}`;
      assert.deepEqual(scan(reply), parse(reply));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("a field whose name is nearly a known one is another field", () => {
  const known = ["name", "value", "timestamp", "agg_func", "id", "labels"];
  const plain = { name: "a", value: 1, timestamp: 1 };
  for (const name of known) {
    for (let i = 0; i < name.length; i++) {
      const start = name.slice(0, i);
      for (const other of [start, `${start}x${name.slice(i + 1)}`, `${start}x${name.slice(i)}`, `${name}x`]) {
        for (const value of [7, "max"]) {
          // Where it were taken for the field that is missing, the event would be one.
          for (const missing of [undefined, "name", "value", "timestamp"]) {
            const rest = Object.entries(plain).filter(([field]) => field !== missing);
            const events = [{ [other]: value, ...Object.fromEntries(rest) }];
            const json = JSON.stringify({ log: "L", offset: 0, next: 1, events });
            assert.deepEqual(scan(json), parse(json), json);
          }
        }
      }
    }
  }
});

Deno.test("a reply is accepted and refused as the model does, whichever one byte of it is changed", () => {
  const json =
    '{"log":"L","offset":1,"next":3,"events":[{"name":"a.b","value":-10.59,"timestamp":19.05,"id":"i"},' +
    '{"agg_func":"max","labels":{"b":"1","a":""},"value":0,"timestamp":7,"name":"c"}]}';
  for (let at = 0; at <= json.length; at++) {
    for (const removed of [0, 1]) {
      for (const added of ["", ...'"\\{}[],:-+./0159;eabx \n\u001f\u007f']) {
        const changed = json.slice(0, at) + added + json.slice(at + removed);
        assert.deepEqual(attempt(() => scan(changed)), attempt(() => parseReply(changed)), changed);
      }
    }
  }
});

Deno.test("a single event that is cut off anywhere is invalid", () => {
  const json = '{"timestamp":1.25,"id":"i","name":"a","agg_func":"avg","value":-1.5}';
  for (let length = 0; length < json.length; length++) {
    const cut = new TextEncoder().encode(json.slice(0, length));
    const batch = new EventBatch();
    scanEvent(cut, batch);
    assert.deepEqual([batch.count, batch.total, batch.invalid.length], [0, 1, 1], json.slice(0, length));
  }
});

Deno.test("a reply whose events are no array has none, and says so", () => {
  for (const events of ["{}", "null", "3", '"[]"']) {
    for (const fields of [`"events":${events}`, `"events":[],"events":${events}`]) {
      assert.throws(
        () => scan(`{"log":"L","offset":3,"next":3,${fields}}`),
        (error) => error instanceof ReplyFormatError && /no array "events"/.test(error.message),
        fields,
      );
    }
  }
  assert.deepEqual(scan('{"log":"L","offset":3,"next":3,"events":null,"events":[]}').events, []);
});

Deno.test("a function that is not known is named, cut and fit for a terminal", () => {
  const detailOf = (aggFunc: unknown) => checkEvent({ name: "a", value: 1, timestamp: 1, agg_func: aggFunc });
  assert.equal(
    detailOf("median"),
    'unknown function "median"; there are sum, avg, min, max, count, first, last, stddev and p0 to p100',
  );
  assert.match(`${detailOf("p101")}`, /^unknown function "p101";/);
  assert.match(`${detailOf(5)}`, /^unknown function that is no text;/);
  assert.equal(`${detailOf("x".repeat(1000))}`.length, 40 + `${detailOf("")}`.length);
  assert.match(`${detailOf("\u202e\x1b")}`, /^unknown function "\\u202e\\u001b";/);
});

Deno.test("a value that is a text says what is wrong with it where it is meant as a number", () => {
  const detailOf = (value: unknown) => checkEvent({ name: "a", value, timestamp: 1 });
  const problem = "value is not a finite number";
  assert.equal(detailOf("1,5"), `${problem}: "1,5" has a decimal comma; decimals stand behind a point`);
  assert.equal(detailOf("1.5"), `${problem}: it is in quotes, and EVENT_VALUE=/value reads such numbers`);
  for (const value of ["open", "", null, undefined, true, [], {}]) assert.equal(detailOf(value), problem);
});

Deno.test("a series has one hash, whichever way its name and labels are written", () => {
  for (let length = 0; length < 8; length++) {
    const value = "bcdefghi".slice(0, length);
    const events = ["a", "\\u0061"].map((first) =>
      `{"name":"n","value":1,"timestamp":1,"labels":{"x":"${first}${value}"}}`
    );
    const batch = new EventBatch();
    scanReply(new TextEncoder().encode(`{"log":"L","offset":0,"next":2,"events":[${events}]}`), batch);
    assert.equal(batch.count, 2);
    assert.equal(batch.nameHash[0], batch.nameHash[1], value);
  }
});

Deno.test("labels that are none make the event invalid, and say why", () => {
  const detailOf = (labels: string) => {
    const batch = new EventBatch();
    scanEvent(
      new TextEncoder().encode(`{"name":"n","value":1,"timestamp":1,"labels":${labels}}${ROOM}`),
      batch,
    );
    return batch.count === 1 ? undefined : batch.invalid[0]!.detail;
  };
  const pairs = (count: number) => Array.from({ length: count }, (_, i) => `"k${i}":""`).join();
  for (
    const [labels, detail] of [
      ["null", undefined],
      ["{}", undefined],
      [`{${pairs(32)}}`, undefined],
      [`{${pairs(33)}}`, "more than 32 labels"],
      ['{"a":1}', "a label's value is not text"],
      ['{"a":{"b":"c"}}', "a label's value is not text"],
      ['["a"]', "labels are not an object"],
      ['{"a":"1","b":"2","a":"1"}', "a label that is there twice"],
      ['{"ä":"1","\\u00e4":"2"}', "a label that is there twice"],
      ['{"a":"\\u0000"}', "a label with a control character"],
      ['{"a":"\u007f"}', "a label with a control character"],
      ['{"a":"\\ud83d"}', "a label with half a surrogate pair"],
      [`{"a":"${"x".repeat(2046)}"}`, undefined],
      [`{"a":"${"x".repeat(2047)}"}`, "name and labels longer than 2048 bytes together"],
      // The last of two fields counts, as with any other field.
      ['{"a":1},"labels":{"a":"1"}', undefined],
      ['{"a":"1"},"labels":{"a":1}', "a label's value is not text"],
    ] as const
  ) assert.equal(detailOf(labels), detail, labels);
});

Deno.test("the same labels in another order, with spaces or escaped are the same series", () => {
  const batch = new EventBatch();
  const events = [
    '{"a":"1","b":"2","c":"x/y"}',
    '{"c":"x/y","b":"2","a":"1"}',
    '{ "b" : "2", "a" : "1", "c" : "x/y" }',
    '{"a":"1","b":"\\u0032","c":"x\\/y"}',
  ].map((labels) => `{"name":"n","value":1,"timestamp":1,"labels":${labels}}`);
  scanReply(
    new TextEncoder().encode(`{"log":"L","offset":0,"next":${events.length},"events":[${events.join()}]}`),
    batch,
  );
  assert.equal(batch.count, events.length);
  const keys = events.map((_, i) =>
    Buffer.from(batch.extra.subarray(~batch.nameStart[i]!, ~batch.nameStart[i]! + batch.nameLength[i]!))
      .toString()
  );
  assert.deepEqual(new Set(keys), new Set(['n\0{"a":"1","b":"2","c":"x/y"}']));
  assert.equal(new Set(batch.nameHash.subarray(0, events.length)).size, 1);
});
