import assert from "node:assert/strict";
import { LiveStream } from "../../src/dashboard/live_stream.ts";
import { pipelineRecord } from "../../src/control/pipeline_record.ts";
import { overviewWith } from "../support/overview.ts";

/** A stream whose words a test sends. */
class FakeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  static newest: FakeEventSource;
  static opened = 0;
  readyState = 1;

  constructor(readonly url: string) {
    super();
    FakeEventSource.newest = this;
    FakeEventSource.opened++;
  }

  tell(type: string, data: unknown): void {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }

  close(): void {
    this.readyState = FakeEventSource.CLOSED;
  }
}

/** Follows a fake stream for the time of a test. */
function withFeed(test: (feed: LiveStream, refusals: () => number) => void): void {
  const own = Object.getOwnPropertyDescriptor(globalThis, "EventSource")!;
  Object.defineProperty(globalThis, "EventSource", { value: FakeEventSource, configurable: true });
  let refusals = 0;
  const feed = new LiveStream(() => void refusals++);
  try {
    feed.start();
    test(feed, () => refusals);
  } finally {
    feed.stop();
    Object.defineProperty(globalThis, "EventSource", own);
  }
}

Deno.test("a page that is open for two hours keeps no more than one that is open for minutes", () => {
  withFeed((feed) => {
    const sizes = new Map<number, number>();
    for (let second = 1; second <= 7200; second++) {
      FakeEventSource.newest.tell("pipeline", pipelineRecord(overviewWith({ nowMs: second * 1000 })));
      for (let window = 0; window < 3; window++) {
        FakeEventSource.newest.tell("window", {
          window_start: 1_800_000_000 + second,
          window_end: 1_800_000_001 + second,
          aggregates: 5,
          correction: window > 0,
        });
      }
      sizes.set(second, feed.current.pipelines.length + feed.current.closed.length);
    }
    assert.equal(sizes.get(7200), sizes.get(300));
    assert.equal(feed.current.pipelines.at(-1)!.at, 7200, "the newest one is the last");
    assert.equal(feed.current.closed[0]!.window_start, 1_800_007_200, "the newest one is the first");
  });
});

Deno.test("who follows the feed is told of each word until he leaves", () => {
  withFeed((feed) => {
    let told = 0;
    const leave = feed.follow(() => void told++);
    FakeEventSource.newest.tell("readiness", { status: "ready", causes: [] });
    assert.equal(told, 1);
    assert.equal(feed.current.connection, "open");
    assert.equal(feed.current.readiness!.status, "ready");
    leave();
    FakeEventSource.newest.tell("readiness", { status: "not_ready", causes: [] });
    assert.equal(told, 1);
  });
});

Deno.test("a refused stream is told as lost, and what was known stays; a broken one is the browser's", () => {
  withFeed((feed, refusals) => {
    const stream = FakeEventSource.newest;
    stream.tell("readiness", { status: "ready", causes: [] });
    stream.readyState = 0;
    stream.dispatchEvent(new Event("error"));
    assert.deepEqual([feed.current.connection, refusals()], ["connecting", 0]);
    stream.close();
    stream.dispatchEvent(new Event("error"));
    assert.deepEqual([feed.current.connection, refusals()], ["lost", 1]);
    assert.equal(feed.current.readiness!.status, "ready");
  });
});
