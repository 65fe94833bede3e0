import assert from "node:assert/strict";
import { PushError } from "../../src/codec/push_error.ts";
import { PushedEvents, PushedLabels, PushedSeries } from "../../src/codec/pushed_events.ts";

function labelsOf(pairs: readonly (readonly [string | undefined, string | undefined])[]): PushedLabels {
  const labels = new PushedLabels();
  for (const [key, value] of pairs) labels.add(key, value);
  return labels;
}

Deno.test("pushed labels: the first thing that is wrong with them is said", () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => [`k${i}`, ""] as const);
  const cases: readonly (readonly [
    readonly (readonly [string | undefined, string | undefined])[],
    string | undefined,
  ])[] = [
    [[], undefined],
    [[["a", "1"], ["b", "2"]], undefined],
    [[["__proto__", "1"]], undefined],
    [[[undefined, "1"]], "a label that is not UTF-8"],
    [[["a", undefined]], "a label that is not UTF-8"],
    [[["a", "1"], ["a", "1"]], "a label that is there twice"],
    [[["a", undefined], ["b", "1"], ["b", "1"]], "a label that is not UTF-8"],
    [many(32), undefined],
    [many(33), "more than 32 labels"],
    [[["a", "x".repeat(2047)]], undefined],
    [[["a", "x".repeat(2048)]], "name and labels longer than 2048 bytes together"],
    [[["a".repeat(1024), ""], ["b".repeat(1024), ""]], undefined],
    [[["a".repeat(1024), ""], ["b".repeat(1025), ""]], "name and labels longer than 2048 bytes together"],
  ];
  for (const [pairs, problem] of cases) assert.equal(labelsOf(pairs).problem, problem);
});

Deno.test("pushed labels: what is inherited does not come before a series' own", () => {
  const resource = labelsOf([["site", "north"], ["line", "4"]]);
  const own = labelsOf([["line", "5"]]);
  own.inherit(resource);
  assert.equal(own.canonical(), '{"line":"5","site":"north"}');
  const more = resource.with("unit", "°C");
  assert.deepEqual([more.canonical(), resource.canonical()], [
    '{"line":"4","site":"north","unit":"°C"}',
    '{"line":"4","site":"north"}',
  ]);
  assert.equal(resource.with("line", "5").problem, "a label that is there twice");
  const faulty = labelsOf([["a", undefined]]);
  own.inherit(faulty);
  own.inherit(labelsOf([["b", "1"], ["b", "1"]]));
  assert.equal(own.problem, "a label that is not UTF-8");
});

Deno.test("pushed series: its name and labels are checked together", () => {
  const labels = labelsOf([["a", "x".repeat(2000)]]);
  const cases: readonly (readonly [string, PushedLabels, string | undefined])[] = [
    ["n", labels, undefined],
    ["n".repeat(47), labels, undefined],
    ["n".repeat(48), labels, "name and labels longer than 2048 bytes together"],
    ["", labels, "no name"],
    ["", labelsOf([["a", undefined]]), "a label that is not UTF-8"],
    ["n", labelsOf([["a", "\u0007"]]), "a label with a control character"],
  ];
  for (const [name, labels, problem] of cases) {
    const series = PushedSeries.of(name, labels, "sum");
    assert.equal(typeof series === "string" ? series : undefined, problem);
  }
  const series = PushedSeries.of('ü"', labelsOf([["b", "2"], ["a", "1"]]), "last") as PushedSeries;
  assert.equal(series.head, '{"name":"ü\\"","labels":{"a":"1","b":"2"},"default_func":"last","value":');
  assert.equal(series.bytes, Buffer.byteLength(series.head));
  const plain = PushedSeries.of("n", new PushedLabels(), "sum") as PushedSeries;
  assert.equal(plain.head, '{"name":"n","default_func":"sum","value":');
});

const SERIES = PushedSeries.of("nü", new PushedLabels(), "avg") as PushedSeries;

Deno.test("pushed events: their records are joined by commas, in runs that end where records do", () => {
  const events = new PushedEvents();
  assert.deepEqual([events.records(), events.bytes], [[], 0]);
  const count = 3000;
  for (let i = 0; i < count; i++) events.add(SERIES, i / 2, 1000 * i + 5);
  const expected = Array.from(
    { length: count },
    (_, i) => `{"name":"nü","default_func":"avg","value":${i / 2},"timestamp":${(1000 * i + 5) / 1000}}`,
  );
  const runs = events.records();
  assert.equal(events.bytes, runs.reduce((sum, { bytes }) => sum + bytes.length, 0));
  const found = runs.flatMap(({ bytes, ends }) =>
    [...ends].map((end, i) => Buffer.from(bytes.subarray(i === 0 ? 0 : ends[i - 1]! + 1, end)).toString())
  );
  assert.deepEqual(found, expected);
  for (const { bytes, ends } of runs) {
    assert.equal(ends.at(-1), bytes.length);
    for (const end of [...ends].slice(0, -1)) assert.equal(bytes[end], 0x2c);
  }
  const characters = runs.map(({ bytes }) => Buffer.from(bytes).toString().length);
  assert.equal(runs.length, 4);
  for (const length of characters.slice(0, -1)) {
    assert.ok(length >= 65_536 && length < 65_536 + 100, `${length}`);
  }
  assert.equal(events.records().length, 4, "they are there once, however often they are asked for");
});

Deno.test("pushed events: a run that is full ends with its record, and the next begins without a comma", () => {
  const long = PushedSeries.of("n".repeat(500), labelsOf([["a", "x".repeat(1500)]]), "sum") as PushedSeries;
  const events = new PushedEvents();
  let characters = 0;
  let added = 0;
  for (; characters < 65_536; added++) {
    events.add(long, 1, 1000);
    characters += (added > 0 ? 1 : 0) + long.head.length + '1,"timestamp":1}'.length;
  }
  assert.equal(events.records().length, 1);
  events.add(long, 1, 1000);
  const [full, next] = events.records();
  assert.deepEqual([full!.ends.length, next!.ends.length, next!.bytes[0]], [added, 1, 0x7b]);
  assert.equal(full!.bytes.length, characters);
});

Deno.test("pushed events: a run of exactly as many characters as one may have is full", () => {
  const [count, characters] = [40, 65_536];
  const record = (label: number) =>
    PushedSeries.of("n", labelsOf([["a", "x".repeat(label)]]), "sum") as PushedSeries;
  const short = record(0).head.length + '1,"timestamp":1}'.length;
  // All but the first have a comma before them.
  const labels = characters - count * short - (count - 1);
  const events = new PushedEvents();
  for (let i = 0; i < count; i++) {
    events.add(record(Math.floor(labels / count) + (i < labels % count ? 1 : 0)), 1, 1000);
  }
  events.add(record(0), 1, 1000);
  assert.deepEqual(events.records().map(({ bytes, ends }) => [bytes.length, ends.length]), [
    [characters, count],
    [short, 1],
  ]);
});

Deno.test("pushed events: all records and refusals of a request have a bound", () => {
  const bytes = SERIES.bytes + '1,"timestamp":1}'.length;
  const tooMany = (work: () => void, max: number) =>
    assert.throws(work, (error) =>
      error instanceof PushError && error.status === 413 &&
      error.message ===
        `the events of the body would take more than ${max} bytes; send them in several requests`);
  const events = new PushedEvents(bytes);
  events.add(SERIES, 1, 1000);
  tooMany(() => events.add(SERIES, 1, 1000), bytes);
  const refused = new PushedEvents(bytes + 1024);
  refused.refused();
  refused.add(SERIES, 1, 1000);
  refused.refused();
  tooMany(() => refused.refused(), bytes + 1024);
  const both = new PushedEvents(bytes + 511);
  both.refused();
  tooMany(() => both.add(SERIES, 1, 1000), bytes + 511);
});
