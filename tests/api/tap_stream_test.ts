import assert from "node:assert/strict";
import { ApiError } from "../../src/api/api_error.ts";
import { TAP_EVENTS } from "../../src/api/tap_endpoint.ts";
import { TapStream } from "../../src/api/tap_stream.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";
import type { PassingAggregates } from "../../src/control/passing_aggregates.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { EventTap } from "../../src/ingest/event_tap.ts";
import { StateError } from "../../src/state/file/state_error.ts";

const ALL = { name: "*", labels: {} };

/** A handler whose events pass when a test says so, and taps that look when a test says so. */
class Stage {
  readonly tap = new EventTap();
  readonly closing = new AbortController();
  readonly asked: (number | undefined)[] = [];
  answer: () => Promise<PassingAggregates> = () => Promise.reject(new Error("nothing was asked"));
  readonly taps = new TapStream({
    tap: () => this.tap,
    inquiries: {
      passingAggregates: (fromId) => {
        this.asked.push(fromId);
        return this.answer();
      },
    },
    closing: this.closing.signal,
    pause: () => new Promise((resolve) => this.proceed.push(resolve)),
  });
  private proceed: (() => void)[] = [];

  pass(...names: string[]): void {
    const batch = new EventBatch();
    const events = names.map((name) => ({ name, value: 1, timestamp: 5 }));
    const reply = { log: "l", offset: 0, next: events.length, events };
    scanReply(new TextEncoder().encode(JSON.stringify(reply)), batch);
    this.tap.passed(batch, new Map(), { bus: "bus", partition: "", firstOffset: 0 });
  }

  /** Lets all taps look once more. */
  async look(): Promise<void> {
    for (const proceed of this.proceed.splice(0)) proceed();
    await turns();
  }
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** Reads what a stream has by now: the data of its events, as the endpoint declares them. */
async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<[string, unknown][]> {
  const text = new TextDecoder().decode((await reader.read()).value);
  return [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, event, data]) => {
    const { success, error } = TAP_EVENTS[event as keyof typeof TAP_EVENTS].safeParse(JSON.parse(data!));
    assert.ok(success, `${event}: ${error}`);
    return [event!, JSON.parse(data!)];
  });
}

Deno.test("a tap of events tells what has passed and how much; it ends with its client", async () => {
  const stage = new Stage();
  const reader = stage.taps.events({ name: "oven.*", labels: {} }).getReader();
  assert.deepEqual(await next(reader), [], "how long to wait before another connection");
  stage.pass("oven.a", "press");
  await stage.look();
  assert.deepEqual(await next(reader), [["passed", { passed: 2, unexamined: 0, unsent: 0 }]]);
  assert.deepEqual(await next(reader), [
    ["event", { name: "oven.a", value: 1, timestamp: 5, source: "bus", offset: 0 }],
  ]);
  await reader.cancel();
  assert.equal(stage.tap.isOpen, false, "nobody looks at events any more");
});

Deno.test("a client that takes nothing gets less, and the handler keeps no more for it", async () => {
  const stage = new Stage();
  const reader = stage.taps.events(ALL).getReader();
  const name = "n".repeat(512);
  for (let i = 0; i < 100; i++) {
    stage.pass(...Array.from({ length: 250 }, () => name));
    await stage.look();
  }
  let [shown, passed, leftOut] = [0, 0, 0];
  while (shown + leftOut < 25_000) {
    for (const [event, data] of await next(reader)) {
      if (event === "event") shown++;
      else {
        const counts = data as { passed: number; unexamined: number; unsent: number };
        passed += counts.passed;
        leftOut += counts.unexamined + counts.unsent;
      }
    }
    await stage.look();
  }
  assert.ok(shown < 2500, `${shown} events of half a kilobyte`);
  assert.deepEqual([shown + leftOut, passed], [25_000, 25_000], "all that is not shown is counted");
  stage.closing.abort();
  await stage.look();
});

Deno.test("a tap of aggregates goes on where it was, also after a state that cannot be read", async () => {
  const stage = new Stage();
  const counts = { instance: "test", passed: 0, unexamined: 0, unsent: 0 };
  stage.answer = () => Promise.resolve({ ...counts, aggregates: [], nextId: 7 });
  const reader = stage.taps.aggregates(ALL).getReader();
  assert.deepEqual(await next(reader), []);
  await turns();
  stage.answer = () => Promise.reject(new StateError("gone", "gone for now"));
  await stage.look();
  const aggregate = {
    name: "a",
    aggFunc: "sum",
    value: 3,
    windowStartMs: 0,
    windowEndMs: 1000,
    count: 2,
    revision: 1,
  };
  stage.answer = () =>
    Promise.resolve({ ...counts, aggregates: [{ aggregate, sinks: ["history"] }], nextId: 8, passed: 1 });
  await stage.look();
  assert.deepEqual(await next(reader), [["passed", { passed: 1, unexamined: 0, unsent: 0 }]]);
  assert.deepEqual(await next(reader), [["aggregate", {
    name: "a",
    agg_func: "sum",
    value: 3,
    timestamp: 0,
    window_start: 0,
    window_end: 1,
    count: 2,
    revision: 1,
    instance: "test",
    sinks: ["history"],
  }]]);
  assert.deepEqual(stage.asked, [undefined, 7, 7]);
  stage.closing.abort();
  await stage.look();
});

Deno.test("four taps at most; a defect ends a tap and nothing else", async () => {
  const stage = new Stage();
  const streams = [0, 1, 2, 3].map(() => stage.taps.events(ALL));
  assert.throws(
    () => stage.taps.aggregates(ALL),
    (error: Error) => error instanceof ApiError && error.status === 503,
  );
  await streams[0]!.cancel();
  stage.answer = () => Promise.reject(new Error("a defect"));
  const reader = stage.taps.aggregates(ALL).getReader();
  await next(reader);
  assert.equal((await reader.read()).done, true);
  stage.taps.events(ALL);
  stage.closing.abort();
  assert.equal(stage.tap.isOpen, false);
});
