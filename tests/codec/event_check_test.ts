import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendEvent } from "../../src/codec/append_event.ts";
import {
  type CheckedEvent,
  checkEvent,
  functionProblem,
  nameProblem,
  readEvent,
} from "../../src/codec/event_check.ts";
import { functionId, UNNAMED, usually } from "../../src/event/agg_function.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { hashBytes } from "../../src/event/text_hash.ts";

Deno.test("an event may be of any time from 1970 on", () => {
  const event = { name: "a", value: 1 };
  for (const [timestamp, timeMs] of [[0, 0], [-0, 0], [0.001, 1], [0.999, 999], [1, 1000]] as const) {
    assert.equal((checkEvent({ ...event, timestamp }) as CheckedEvent).timeMs, timeMs, `${timestamp}`);
  }
  assert.equal(checkEvent({ ...event, timestamp: -0.001 }), "timestamp is negative");
});

const EVENT = { name: "a", value: 1, timestamp: 2 };
const CHECKED: CheckedEvent = {
  name: "a",
  labels: "",
  functionId: UNNAMED,
  value: 1,
  timeMs: 2000,
  id: undefined,
};

Deno.test("an event is what its fields say, and null is a field that is left out", () => {
  const cases: readonly (readonly [Record<string, unknown>, Partial<CheckedEvent>])[] = [
    [{}, {}],
    [{ name: "x".repeat(512) }, { name: "x".repeat(512) }],
    [{ name: "😀".repeat(512) }, { name: "😀".repeat(512) }],
    [{ value: -0.5 }, { value: -0.5 }],
    [{ timestamp: 1.0005 }, { timeMs: 1001 }],
    [{ timestamp: 9007199254740 }, { timeMs: 9007199254740000 }],
    [{ timestamp: 9007199254741 }, { timeMs: Number.MAX_SAFE_INTEGER }],
    [{ timestamp: 1e300 }, { timeMs: Number.MAX_SAFE_INTEGER }],
    [{ id: "i" }, { id: "i" }],
    [{ id: "" }, {}],
    [{ id: 7 }, {}],
    [{ id: null }, {}],
    [{ agg_func: null }, {}],
    [{ agg_func: "max" }, { functionId: functionId("max") }],
    [{ agg_func: "sum" }, { functionId: 0 }],
    [{ default_func: "sum" }, { functionId: usually(0) }],
    [{ default_func: "max", agg_func: null }, { functionId: usually(functionId("max")) }],
    [{ default_func: "max", agg_func: "min" }, { functionId: functionId("min") }],
    [{ default_func: "none" }, {}],
    [{ default_func: 1 }, {}],
    [{ labels: null }, {}],
    [{ labels: {} }, {}],
    [{ labels: { b: "2", a: "1" } }, { labels: '{"a":"1","b":"2"}' }],
  ];
  for (const [fields, expected] of cases) {
    assert.deepEqual(
      checkEvent({ ...EVENT, ...fields }),
      { ...CHECKED, ...expected },
      JSON.stringify(fields),
    );
  }
});

Deno.test("what is wrong with an event is said, the first thing of several", () => {
  const cases: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ name: undefined }, "no name"],
    [{ name: 1 }, "no name"],
    [{ name: "" }, "no name"],
    [{ name: "x".repeat(513) }, "name longer than 512 characters"],
    [{ name: "a\0" }, "name with a NUL character"],
    [{ name: "a\ud83d" }, "name with half a surrogate pair"],
    [{ value: null }, "value is not a finite number"],
    [{ value: NaN }, "value is not a finite number"],
    [{ value: Infinity }, "value is not a finite number"],
    [{ timestamp: undefined }, "timestamp is not a finite number"],
    [{ timestamp: "2" }, "timestamp is not a finite number"],
    [{ timestamp: NaN }, "timestamp is not a finite number"],
    [{ timestamp: -1 }, "timestamp is negative"],
    [{ id: "a\udc00" }, "id with half a surrogate pair"],
    [{ labels: [] }, "labels are not an object"],
    [{ labels: { a: 1 } }, "a label's value is not text"],
    [{ name: "", value: null }, "no name"],
  ];
  for (const [fields, problem] of cases) {
    assert.equal(checkEvent({ ...EVENT, ...fields }), problem, JSON.stringify(fields));
  }
  for (const other of [null, undefined, 1, "a", [], [EVENT]]) {
    assert.equal(checkEvent(other), "not an object");
  }
  for (const aggFunc of ["median", "", 1, {}]) {
    assert.match(`${checkEvent({ ...EVENT, agg_func: aggFunc })}`, /^unknown function /);
  }
  assert.equal(nameProblem("a"), undefined);
});

Deno.test("the text of an event is read, or it is said why not", () => {
  assert.deepEqual(readEvent(JSON.stringify(EVENT)), CHECKED);
  assert.equal(readEvent(undefined), "not UTF-8");
  assert.equal(readEvent("{"), "not JSON");
  assert.equal(readEvent("{}"), "no name");
  const labelled = (labels: string) => `{"name":"a","value":1,"timestamp":2,"labels":${labels}}`;
  assert.equal(readEvent(labelled('{"a":"1","a":"1"}')), "a label that is there twice");
  assert.deepEqual(readEvent(labelled('{"a":"1"}')), { ...CHECKED, labels: '{"a":"1"}' });
});

Deno.test("an event is added to a batch with its texts; an id of more than 256 bytes by its SHA-256", () => {
  const long = "a".repeat(257);
  const ids: readonly (readonly [string | undefined, string])[] = [
    [undefined, ""],
    ["i", "i"],
    ["a".repeat(256), "a".repeat(256)],
    ["ü".repeat(128), "ü".repeat(128)],
    ["€".repeat(85), "€".repeat(85)],
    [long, createHash("sha256").update(long).digest("hex")],
    ["ü".repeat(129), createHash("sha256").update("ü".repeat(129)).digest("hex")],
    ["€".repeat(86), createHash("sha256").update("€".repeat(86)).digest("hex")],
  ];
  const batch = new EventBatch();
  batch.reset(new Uint8Array(0));
  batch.reserve(ids.length);
  batch.idLength.fill(99);
  for (const [i, [id]] of ids.entries()) {
    const labels = i % 2 === 0 ? "" : '{"a":"1"}';
    appendEvent(
      batch,
      { ...CHECKED, labels, functionId: i, value: i / 2, timeMs: i + 5, id },
      i + 7,
      i,
      i + 3,
    );
  }
  assert.equal(batch.count, ids.length);
  const textAt = (start: number, length: number) =>
    Buffer.from(batch.extra.subarray(~start, ~start + length)).toString();
  for (const [i, [, kept]] of ids.entries()) {
    const { extra, functionId, idHash, idLength, idStart, nameHash, nameLength, nameStart } = batch;
    const { position, rawEnd, rawStart, timeMs, value } = batch;
    assert.equal(textAt(nameStart[i]!, nameLength[i]!), i % 2 === 0 ? "a" : 'a\0{"a":"1"}');
    assert.equal(nameHash[i], hashBytes(extra, ~nameStart[i]!, nameLength[i]!));
    const columns = [position[i], rawStart[i], rawEnd[i], functionId[i], value[i], timeMs[i]];
    assert.deepEqual(columns, [i + 7, i, i + 3, i, i / 2, i + 5]);
    assert.equal(idLength[i], Buffer.byteLength(kept));
    if (kept === "") continue;
    assert.equal(textAt(idStart[i]!, idLength[i]!), kept);
    assert.equal(idHash[i], hashBytes(extra, ~idStart[i]!, idLength[i]!));
  }
});

Deno.test("a value that is no number is named, and one in quotes with how it would be read", () => {
  const problem = "value is not a finite number";
  const cases: readonly (readonly [unknown, string])[] = [
    [undefined, problem],
    [null, problem],
    [true, problem],
    [NaN, problem],
    ["", problem],
    ["hot", problem],
    ["1.5", `${problem}: it is in quotes, and EVENT_VALUE=/value reads such numbers`],
  ];
  for (const [value, expected] of cases) {
    assert.equal(checkEvent({ name: "a", value, timestamp: 1 }), expected, `${value}`);
  }
  const huge = checkEvent({ name: "a", value: "1e999", timestamp: 1 });
  assert.match(`${huge}`, /^value is not a finite number: ./);
  assert.doesNotMatch(`${huge}`, /EVENT_VALUE/);
});

Deno.test("a function that there is not is named with the beginning of what was given", () => {
  assert.match(functionProblem("median"), /^unknown function "median"; there are sum, /);
  assert.match(functionProblem("x".repeat(99)), new RegExp(`^unknown function "${"x".repeat(40)}"; `));
  assert.match(functionProblem(5), /^unknown function that is no text; there are sum, /);
});
