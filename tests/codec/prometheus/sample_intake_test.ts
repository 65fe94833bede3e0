import assert from "node:assert/strict";
import { usualFunction } from "../../../src/codec/prometheus/metric_kind.ts";
import { SampleIntake } from "../../../src/codec/prometheus/sample_intake.ts";
import { SeriesText } from "../../../src/codec/prometheus/series_samples.ts";
import { PushError } from "../../../src/codec/push_error.ts";
import { PushedEvents, PushedLabels, PushedSeries } from "../../../src/codec/pushed_events.ts";

const SERIES = PushedSeries.of("n", new PushedLabels(), "avg") as PushedSeries;
const COUNTS = PushedSeries.of("n_count", new PushedLabels(), "last") as PushedSeries;
const SUMS = PushedSeries.of("n_sum", new PushedLabels(), "last") as PushedSeries;

/** The names, values and times of the events. */
function eventsOf({ events }: SampleIntake): unknown[] {
  return events.records().flatMap(({ bytes }) => JSON.parse(`[${Buffer.from(bytes)}]`)).map((
    { name, timestamp, value },
  ) => [name, value, timestamp]);
}

function booksOf({ accepted, received, refusals }: SampleIntake): unknown {
  const { histograms, samples } = received;
  return {
    received: [samples, histograms],
    accepted: [accepted.samples, accepted.histograms],
    refused: refusals.count,
  };
}

Deno.test("samples are taken, passed over or refused, and counted so", () => {
  const intake = new SampleIntake();
  intake.sample(SERIES, "n", { value: 1.5, timeMs: 0 });
  intake.sample(SERIES, "n", { value: NaN, timeMs: 5 });
  intake.sample(SERIES, "n", { value: 2, timeMs: -1 });
  intake.sample(SERIES, "n", { value: Infinity, timeMs: 5 });
  intake.sample("a label that is there twice", undefined, { value: 2, timeMs: 5 });
  assert.deepEqual(eventsOf(intake), [["n", 1.5, 0]]);
  assert.deepEqual(booksOf(intake), { received: [5, 0], accepted: [2, 0], refused: 3 });
  const reasons = [
    'a negative timestamp (1, such as "n")',
    'the value Infinity, which is no finite number (1, such as "n")',
    'a label that is there twice (1, such as "(no name)")',
  ];
  assert.equal(
    intake.refusals.text(5, "samples"),
    `3 of 5 samples are refused, the others are taken: ${reasons.join("; ")}`,
  );
});

Deno.test("a histogram is its count and its sum, or nothing", () => {
  const intake = new SampleIntake();
  intake.histogram(COUNTS, SUMS, "n", { count: 3, sum: 4.5, timeMs: 0 });
  intake.histogram(COUNTS, SUMS, "n", { count: 4, sum: NaN, timeMs: 1000 });
  intake.histogram(COUNTS, SUMS, "n", { count: 5, sum: Infinity, timeMs: 2000 });
  intake.histogram(COUNTS, SUMS, "n", { count: NaN, sum: 1, timeMs: 2000 });
  intake.histogram(COUNTS, SUMS, "n", { count: 1, sum: 1, timeMs: -1 });
  intake.histogram("no count", SUMS, "n", { count: 1, sum: 1, timeMs: 1 });
  intake.histogram(COUNTS, "no sum", "n", { count: 1, sum: 1, timeMs: 1 });
  intake.staleHistogram();
  assert.deepEqual(eventsOf(intake), [["n_count", 3, 0], ["n_sum", 4.5, 0], ["n_count", 4, 1], [
    "n_count",
    5,
    2,
  ]]);
  assert.deepEqual(booksOf(intake), { received: [0, 8], accepted: [0, 4], refused: 4 });
});

Deno.test("what is usual for a series goes by its type, and else by its name", () => {
  const cases = [
    ["a_total", 0, "last"],
    ["a_count", 0, "last"],
    ["a_sum", 0, "last"],
    ["a_bucket", 0, "last"],
    ["a_total_x", 0, "avg"],
    ["total", 0, "avg"],
    ["a", 0, "avg"],
    ["a", 1, "last"],
    ["a_total", 2, "avg"],
    ["a", 3, "avg"],
    ["a_sum", 3, "last"],
  ] as const;
  for (const [name, type, usual] of cases) assert.equal(usualFunction(name, type), usual, `${name} ${type}`);
});

Deno.test("the labels of a series: one is its name, and empty ones are none", () => {
  const pushed = (pairs: readonly (readonly [string | undefined, string | undefined])[], suffix = "") => {
    const series = new SeriesText(new PushedLabels());
    for (const [key, value] of pairs) series.addLabel(key, value);
    const found = series.pushed(suffix, 0);
    return typeof found === "string" ? found : found.head;
  };
  const name = ["__name__", "n"] as const;
  const noName = "a series without the label __name__";
  const cases:
    readonly (readonly [readonly (readonly [string | undefined, string | undefined])[], string])[] = [
      [[name], '{"name":"n","default_func":"avg","value":'],
      [[["a", "1"], name, ["b", ""]], '{"name":"n","labels":{"a":"1"},"default_func":"avg","value":'],
      [[], noName],
      [[["__name__", ""]], noName],
      [[name, name], "a label that is there twice"],
      [[["__name__", undefined]], "a name that is not UTF-8"],
      [[["__name__", undefined], name, name], "a name that is not UTF-8"],
      [[name, ["__name__", undefined]], "a label that is there twice"],
      [[name, ["a", undefined]], "a label that is not UTF-8"],
      [[name, ["a", "1"], ["a", "1"]], "a label that is there twice"],
    ];
  for (const [pairs, expected] of cases) assert.equal(pushed(pairs), expected, JSON.stringify(pairs));
  assert.equal(pushed([name], "_sum"), '{"name":"n_sum","default_func":"last","value":');
});

Deno.test("samples and histograms that are refused take memory, and are too many at some time", () => {
  const refusals = (refuse: (intake: SampleIntake) => void) => {
    const intake = new SampleIntake();
    Object.assign(intake, { events: new PushedEvents(1000) });
    let count = 0;
    const isTooMuch = (error: unknown) => error instanceof PushError && error.status === 413;
    assert.throws(() => {
      for (; count < 1000; count++) refuse(intake);
    }, isTooMuch);
    return count;
  };
  const ofSamples = refusals((intake) => intake.sample(SERIES, "n", { value: 1, timeMs: -1 }));
  const ofHistograms = refusals((intake) =>
    intake.histogram(COUNTS, SUMS, "n", { count: 1, sum: 1, timeMs: -1 })
  );
  assert.ok(ofSamples > 0 && ofSamples < 1000);
  assert.equal(ofHistograms, ofSamples);
});
