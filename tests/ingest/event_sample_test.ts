import assert from "node:assert/strict";
import { scanReply } from "../../src/codec/reply_scanner.ts";
import { eventRecord } from "../../src/control/tapped_record.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import type { SeriesFilter } from "../../src/event/series_filter.ts";
import { EventSample } from "../../src/ingest/event_sample.ts";
import { EventTap } from "../../src/ingest/event_tap.ts";

const ORIGIN = { bus: "http://bus", partition: "", firstOffset: 100 };

function batchOf(events: readonly unknown[]): EventBatch {
  const batch = new EventBatch();
  const reply = { log: "log", offset: 100, next: 100 + events.length, events };
  scanReply(new TextEncoder().encode(JSON.stringify(reply)), batch);
  return batch;
}

/** What a sample shows of events. */
function shown(filter: Partial<SeriesFilter>, events: readonly unknown[]) {
  const sample = new EventSample({ name: "*", labels: {}, ...filter });
  sample.add(batchOf(events), new Map(), ORIGIN);
  return sample.take();
}

const event = (name: string, more: Record<string, unknown> = {}) => ({
  name,
  value: 1,
  timestamp: 5,
  ...more,
});

Deno.test("a sample has the events whose name and labels match, with what became of them", () => {
  const sample = new EventSample({ name: "oven.*", labels: {} });
  const events = [
    event("oven.temperature", { value: 180.5, timestamp: 1.25, agg_func: "p99", labels: { line: "4" } }),
    event("press.force"),
    { name: "oven.door", value: "open", timestamp: 5 },
    event("oven.door"),
    event("ove"),
    event("oven.Tür"),
  ];
  sample.add(batchOf(events), new Map([[2, { refusal: "late" }], [4, { lateMs: 7000 }]]), ORIGIN);
  const { events: found, ...counts } = sample.take();
  assert.deepEqual(found.map(eventRecord), [
    {
      name: "oven.temperature",
      labels: { line: "4" },
      value: 180.5,
      timestamp: 1.25,
      agg_func: "p99",
      source: "http://bus",
      offset: 100,
    },
    { name: "oven.door", value: 1, timestamp: 5, source: "http://bus", offset: 103, refused: "late" },
    { name: "oven.Tür", value: 1, timestamp: 5, source: "http://bus", offset: 105, late_seconds: 7 },
  ]);
  assert.deepEqual(counts, { passed: 5, unexamined: 0, unsent: 0 });
  assert.deepEqual(sample.take(), { events: [], passed: 0, unexamined: 0, unsent: 0 });
});

Deno.test("the patterns of names, and labels among others", () => {
  const events = [
    event("a.oven", { labels: { line: "4", site: "n" } }),
    event("b.oven", { labels: { line: "5" } }),
    event("oven"),
  ];
  const names = (filter: Partial<SeriesFilter>) => shown(filter, events).events.map(({ name }) => name);
  assert.deepEqual(names({}), ["a.oven", "b.oven", "oven"]);
  assert.deepEqual(names({ name: "*.oven" }), ["a.oven", "b.oven"]);
  assert.deepEqual(names({ name: "oven" }), ["oven"]);
  assert.deepEqual(names({ name: "" }), []);
  assert.deepEqual(names({ labels: { line: "4" } }), ["a.oven"]);
  assert.deepEqual(names({ name: "b*", labels: { line: "4" } }), []);
});

Deno.test("a sample is bounded, and counts what it leaves out", () => {
  const many = Array.from({ length: 4000 }, (_, i) => event(i % 2 === 0 ? `oven.${i}` : `press.${i}`));
  const all = shown({}, many);
  assert.deepEqual([all.events.length, all.passed, all.unexamined, all.unsent], [250, 4000, 1500, 2250]);
  const ovens = shown({ name: "oven.*" }, many);
  assert.deepEqual([ovens.events.length, ovens.unexamined, ovens.unsent], [250, 0, 1750]);
  const rare = shown({ name: "oven.398*" }, many);
  assert.deepEqual([rare.events.length, rare.unexamined, rare.unsent], [6, 0, 0], "found among the last");
});

Deno.test("a tap shows nothing to a sample that was closed", () => {
  const tap = new EventTap();
  const [one, other] = [0, 1].map(() => new EventSample({ name: "*", labels: {} }));
  const close = tap.open(one!);
  tap.open(other!);
  tap.passed(batchOf([event("a")]), new Map(), ORIGIN);
  close();
  tap.passed(batchOf([event("a")]), new Map(), ORIGIN);
  assert.deepEqual([one!.take().passed, other!.take().passed, tap.isOpen], [1, 2, true]);
});
