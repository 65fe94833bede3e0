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

/** A clock with timers that go off when a test says so. */
class FakeClock {
  private nowMs = 0;
  private nextId = 1;
  private readonly timers = new Map<number, { readonly dueMs: number; readonly work: () => void }>();

  /** What stands for the page's own clock. */
  readonly globals = {
    setTimeout: (work: () => void, milliseconds: number) => {
      this.timers.set(this.nextId, { dueMs: this.nowMs + milliseconds, work });
      return this.nextId++;
    },
    clearTimeout: (id: number) => void this.timers.delete(id),
    performance: { now: () => this.nowMs },
  };

  /** Lets time pass, with each timer at its time. */
  pass(milliseconds: number): void {
    const untilMs = this.nowMs + milliseconds;
    for (let due = this.next(); due !== undefined && due[1].dueMs <= untilMs; due = this.next()) {
      this.nowMs = Math.max(this.nowMs, due[1].dueMs);
      this.timers.delete(due[0]);
      due[1].work();
    }
    this.nowMs = untilMs;
  }

  /** Time passes in which nothing runs: the timers go off when it is over. */
  sleep(milliseconds: number): void {
    this.nowMs += milliseconds;
    this.pass(0);
  }

  private next() {
    return [...this.timers].sort(([, a], [, b]) => a.dueMs - b.dueMs)[0];
  }
}

/** Follows a fake stream for the time of a test. */
function withFeed(test: (feed: LiveStream, refusals: () => number, clock: FakeClock) => void): void {
  const clock = new FakeClock();
  const fakes = { EventSource: FakeEventSource, ...clock.globals };
  const own = Object.keys(fakes).map((name) =>
    [name, Object.getOwnPropertyDescriptor(globalThis, name)!] as const
  );
  let refusals = 0;
  try {
    for (const [name, value] of Object.entries(fakes)) {
      Object.defineProperty(globalThis, name, { value, configurable: true });
    }
    const feed = new LiveStream(() => void refusals++);
    feed.start();
    test(feed, () => refusals, clock);
    feed.stop();
  } finally {
    for (const [name, descriptor] of own) Object.defineProperty(globalThis, name, descriptor);
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
    assert.deepEqual([feed.current.connection, refusals()], ["open", 0]);
    stream.close();
    stream.dispatchEvent(new Event("error"));
    assert.deepEqual([feed.current.connection, refusals()], ["lost", 1]);
    assert.equal(feed.current.readiness!.status, "ready");
  });
});

Deno.test("a handler that falls silent is waited for within two seconds, and then told as lost", () => {
  withFeed((feed, _, clock) => {
    const seen: string[] = [];
    feed.follow(() => void seen.push(feed.current.connection));
    for (let i = 0; i < 20; i++) {
      FakeEventSource.newest.tell("alive", {});
      clock.pass(1700);
    }
    assert.deepEqual(seen, ["open"], "who is a little late is not waited for, and few words change anything");
    clock.pass(300);
    assert.deepEqual(seen, ["open", "waiting"]);
    clock.pass(2000);
    assert.deepEqual(seen, ["open", "waiting", "lost"]);
    FakeEventSource.newest.tell("alive", {});
    assert.deepEqual(seen, ["open", "waiting", "lost", "open"]);
  });
});

Deno.test("a stream that breaks off shows where no new one comes soon, and does not come to life by trying", () => {
  withFeed((feed, _, clock) => {
    const stream = FakeEventSource.newest;
    const breakOff = () => {
      stream.readyState = 0;
      stream.dispatchEvent(new Event("error"));
    };
    stream.tell("alive", {});
    breakOff();
    clock.pass(500);
    stream.tell("alive", {});
    clock.pass(1000);
    assert.equal(feed.current.connection, "open", "the end of a stream that came to its time");
    breakOff();
    clock.pass(1000);
    assert.equal(feed.current.connection, "waiting");
    for (let i = 0; i < 5; i++) {
      breakOff();
      clock.pass(2000);
      assert.equal(feed.current.connection, "lost");
    }
  });
});

Deno.test("a page that has slept hears what waits before it says anything of the handler", () => {
  withFeed((feed, _, clock) => {
    FakeEventSource.newest.tell("alive", {});
    clock.sleep(60_000);
    assert.equal(feed.current.connection, "open");
    FakeEventSource.newest.tell("alive", {});
    clock.pass(1500);
    assert.equal(feed.current.connection, "open");
    clock.sleep(60_000);
    clock.pass(2000);
    assert.equal(feed.current.connection, "waiting", "nothing waited to be heard");
  });
});
