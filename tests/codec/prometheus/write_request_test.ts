import assert from "node:assert/strict";
import { WireReader } from "../../../src/codec/protobuf/wire_reader.ts";
import { lengthField, varintField } from "../../../src/codec/protobuf/wire_writer.ts";
import { SampleIntake } from "../../../src/codec/prometheus/sample_intake.ts";
import { readWriteRequest } from "../../../src/codec/prometheus/write_request.ts";
import { readWriteRequestV2 } from "../../../src/codec/prometheus/write_request_v2.ts";
import { recordsOf } from "../../support/pushed_records.ts";

/** Fields between a step and the next one. */
const STEP_FIELDS = 4096;
const [NAME, BAD_TEXT] = ["__name__", Uint8Array.of(0xff)];

const joined = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const bytesOf = (text: string) => new TextEncoder().encode(text);
const messageField = (field: number, ...fields: Uint8Array[]) => lengthField(field, joined(fields));
/** A field that no version knows. */
const UNKNOWN = varintField(30, 7);

/** A request of version 1 with one series. */
const request = (...fields: Uint8Array[]) => messageField(1, ...fields);
const label = (name: string, value: string) =>
  messageField(1, UNKNOWN, lengthField(1, bytesOf(name)), UNKNOWN, lengthField(2, bytesOf(value)));
/** A sample of the value 0. */
const sampleAt = (timeMs: number) => messageField(2, UNKNOWN, varintField(2, timeMs), UNKNOWN);

/** A request of version 2 with one series. */
const requestV2 = (symbols: readonly (string | Uint8Array)[], ...fields: Uint8Array[]) =>
  joined([
    ...symbols.map((symbol) => lengthField(4, typeof symbol === "string" ? bytesOf(symbol) : symbol)),
    messageField(5, ...fields),
  ]);
/** References one by one, and as encoders write them. */
const references = (...numbers: number[]) => joined(numbers.map((number) => varintField(1, number)));
const packed = (...numbers: number[]) => lengthField(1, Uint8Array.from(numbers));

function read(message: Uint8Array, version = 1): { intake: SampleIntake; steps: number[]; refused: string } {
  const intake = new SampleIntake();
  const reader = new WireReader(message, "test");
  const steps = [...(version === 1 ? readWriteRequest : readWriteRequestV2)(reader, intake)];
  return { intake, steps, refused: intake.refusals.text(intake.received.samples, "samples") };
}
const recordsIn = (message: Uint8Array, version = 1) =>
  recordsOf({ runs: read(message, version).intake.events.records() });

Deno.test("remote write: fields that no version knows are passed over, wherever they are", () => {
  const message = joined([
    UNKNOWN,
    request(UNKNOWN, label(NAME, "a"), label("job", "b"), sampleAt(5000)),
    UNKNOWN,
  ]);
  const record = { name: "a", default_func: "avg", value: 0, timestamp: 5 };
  assert.deepEqual(recordsIn(message), [{ ...record, labels: { job: "b" } }]);
  const symbols = [NAME, "a"];
  const series = [
    UNKNOWN,
    packed(0, 1),
    messageField(5, UNKNOWN, varintField(1, 1)),
    UNKNOWN,
    sampleAt(5000),
  ];
  assert.deepEqual(recordsIn(joined([UNKNOWN, requestV2(symbols, ...series)]), 2), [
    { ...record, default_func: "last" },
  ]);
});

Deno.test("remote write: fields of a series may come in any order", () => {
  const record = { name: "a", default_func: "avg", value: 0, timestamp: 5 };
  assert.deepEqual(recordsIn(request(sampleAt(5000), label(NAME, "a"))), [record]);
  const metadata = messageField(5, varintField(1, 1));
  const series = [metadata, sampleAt(5000), packed(0, 1), sampleAt(6000)];
  assert.deepEqual(recordsIn(requestV2([NAME, "a"], ...series), 2), [
    { ...record, default_func: "last" },
    { ...record, default_func: "last", timestamp: 6 },
  ]);
});

Deno.test("remote write: what is left out of a sample or a histogram is 0", () => {
  const empty = (field: number) => lengthField(field, new Uint8Array(0));
  const zero = { value: 0, timestamp: 0 };
  const histogram = [
    { name: "a_count", default_func: "last", ...zero },
    { name: "a_sum", default_func: "last", ...zero },
  ];
  assert.deepEqual(recordsIn(request(label(NAME, "a"), empty(2), empty(4))), [
    { name: "a", default_func: "avg", ...zero },
    ...histogram,
  ]);
  assert.deepEqual(recordsIn(requestV2([NAME, "a"], packed(0, 1), empty(3)), 2), histogram);
  assert.deepEqual(recordsIn(requestV2([NAME, "a"], packed(0, 1), empty(2)), 2), [
    { name: "a", default_func: "avg", ...zero },
  ]);
});

Deno.test("remote write 2.0: references to symbols come packed or one by one", () => {
  const symbols = [NAME, "a", "job", "b"];
  const expected = [{ name: "a", labels: { job: "b" }, default_func: "avg", value: 0, timestamp: 5 }];
  assert.deepEqual(recordsIn(requestV2(symbols, packed(0, 1, 2, 3), sampleAt(5000)), 2), expected);
  assert.deepEqual(recordsIn(requestV2(symbols, references(0, 1, 2, 3), sampleAt(5000)), 2), expected);
});

Deno.test("remote write 2.0: of what is wrong with the labels of a series the first is said", () => {
  const symbols = [NAME, "a", BAD_TEXT];
  const noSymbol = "a reference to a symbol that there is not";
  const cases: readonly (readonly [number[], string])[] = [
    [[0, 1, 0, 3], noSymbol],
    [[0, 2], "a name that is not UTF-8"],
    [[1, 2, 0, 1], "a label that is not UTF-8"],
    [[0, 1, 0, 1, 3], "a label that is there twice"],
    [[3, 0, 2], noSymbol],
    [[0, 1, 3, 1], noSymbol],
    [[0, 1, 1], "a label without a value"],
  ];
  for (const [numbers, problem] of cases) {
    for (const labels of [packed(...numbers), references(...numbers)]) {
      const { refused } = read(requestV2(symbols, labels, sampleAt(5000)), 2);
      assert.ok(refused.startsWith(`1 of 1 samples are refused: ${problem} (1`), `${numbers}: ${refused}`);
    }
  }
});

Deno.test("remote write: a request is read in steps, whatever it has most of", () => {
  const samples = Array.from({ length: STEP_FIELDS }, () => lengthField(2, new Uint8Array(0)));
  const { intake, steps } = read(request(label(NAME, "a"), ...samples));
  const bytes = intake.events.bytes;
  // Labels and samples are looked for in turn; a sample without fields is two that are looked for.
  assert.equal(steps.length, 3);
  assert.deepEqual([steps[0], steps[1]! < steps[2]!, steps[2]! < bytes], [0, true, true]);
  const labels = Array.from({ length: STEP_FIELDS }, () => lengthField(1, new Uint8Array(0)));
  // As labels the same are two fields each, and as what is no sample one.
  assert.equal(read(request(...labels)).steps.length, 3);
  const many = Array.from({ length: STEP_FIELDS * 3 }, () => varintField(1, 0));
  assert.equal(read(requestV2([NAME], ...many), 2).steps.length, 6);
});

Deno.test("remote write 2.0: each step of the symbols says what memory they take; a million are read", () => {
  const symbols = (count: number) => new Uint8Array(2 * count).map((_, i) => i % 2 === 0 ? 4 * 8 + 2 : 0);
  const { steps } = read(symbols(2 * STEP_FIELDS), 2);
  assert.deepEqual(steps.slice(0, 2), [STEP_FIELDS - 1, 2 * STEP_FIELDS - 1].map((count) => count * 24));
  assert.equal(read(symbols(1_000_000), 2).intake.received.samples, 0);
});
