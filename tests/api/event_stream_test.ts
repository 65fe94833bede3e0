import assert from "node:assert/strict";
import { ApiError } from "../../src/api/api_error.ts";
import { EventStream } from "../../src/api/event_stream.ts";
import type { Changes } from "../../src/control/inquiries.ts";
import type { LiveOverview } from "../../src/runtime/overview.ts";
import { overviewWith } from "../support/overview.ts";

/** A handler whose state changes when a test says so, and a stream that looks when a test says so. */
class Stage {
  overview: Partial<LiveOverview> = {};
  commits = 1;
  outboxEndId = 10;
  closed: Changes["closed"] = [];
  note = "";
  fails = false;
  /** Whether a question about the state is never answered. */
  isSlow = false;
  readonly closing = new AbortController();
  readonly events = new EventStream({
    inquiries: { changes: (commits: number, fromId?: number) => this.changes(commits, fromId) },
    look: () => overviewWith(this.overview),
    closing: this.closing.signal,
    pause: () => new Promise((resolve) => void this.waiting.push(resolve)),
  });
  /** The loops of the stream that pause. */
  private waiting: (() => void)[] = [];

  close(startMs: number): void {
    this.commits++;
    this.outboxEndId += 5;
    this.closed = [...this.closed, {
      startMs,
      endMs: startMs + 1000,
      aggregates: 5,
      isCorrection: false,
      nextId: this.outboxEndId,
    }];
  }

  /** Lets the stream look once more. */
  async look(): Promise<void> {
    for (const proceed of this.waiting.splice(0)) proceed();
    await turns();
  }

  private changes(commits: number, fromId?: number): Promise<Changes | undefined> {
    if (this.fails) return Promise.reject(new Error("a defect"));
    if (this.isSlow) return new Promise(() => {});
    if (commits === this.commits) return Promise.resolve(undefined);
    return Promise.resolve({
      commits: this.commits,
      status: { note: this.note } as unknown as Changes["status"],
      closed: fromId === undefined ? [] : this.closed.filter(({ nextId }) => nextId > fromId),
      outboxEndId: this.outboxEndId,
    });
  }
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

const PIPELINE = /event: pipeline\ndata: \{"at":.*\}\n\n/g;
const ALIVE = "event: alive\ndata: {}\n\n";

/** What a client has got since it was last asked. */
class Reader {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  text = "";
  /** How often the pipeline was told. */
  pipelines = 0;
  signsOfLife = 0;
  end: "closed" | "cut" | undefined;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.reader = stream.getReader();
    void this.run();
  }

  /** All but the pipeline and the signs of life, which come at each look. */
  async take(): Promise<string> {
    await turns();
    const { text } = this;
    this.text = "";
    this.pipelines += text.split(PIPELINE).length - 1;
    this.signsOfLife += text.split(ALIVE).length - 1;
    return text.replace(PIPELINE, "").replaceAll(ALIVE, "");
  }

  cancel(): Promise<void> {
    return this.reader.cancel();
  }

  private async run(): Promise<void> {
    try {
      for (let piece = await this.reader.read(); !piece.done; piece = await this.reader.read()) {
        this.text += new TextDecoder().decode(piece.value);
      }
      this.end = "closed";
    } catch {
      this.end = "cut";
    }
  }
}

Deno.test("a client gets readiness and status first, then what changes, and windows with ids", async () => {
  const stage = new Stage();
  const client = new Reader(stage.events.open(undefined));
  await turns();
  const first = await client.take();
  assert.match(
    first,
    /^retry: \d+\n\nevent: readiness\ndata: \{"status":"ready".*\}\n\nevent: status\ndata: \{.*\}\n\n$/,
  );
  await stage.look();
  assert.equal(await client.take(), "", "nothing has changed");
  stage.close(1000);
  await stage.look();
  assert.equal(
    await client.take(),
    'event: status\ndata: {"note":""}\n\n' +
      "id: state:15\nevent: window\n" +
      'data: {"window_start":1,"window_end":2,"aggregates":5,"correction":false}\n\n',
  );
  stage.overview = { isStopping: true };
  await stage.look();
  assert.match(
    await client.take(),
    /^event: readiness\ndata: \{"status":"not_ready","causes":\[\{"name":"stopping"/,
  );
  stage.closing.abort();
  await turns();
  assert.equal(client.end, "closed");
});

Deno.test("a client that comes again gets the windows since its last event, another state's id counts for nothing", async () => {
  const stage = new Stage();
  stage.close(1000);
  stage.close(2000);
  const [again, stranger, fresh] = ["state:15", "other:15", undefined].map((id) =>
    new Reader(stage.events.open(id))
  );
  await turns();
  await stage.look();
  const windows = (text: string) =>
    [...text.matchAll(/"window_start":(\d+)/g)].map(([, start]) => Number(start));
  assert.deepEqual(windows(await again!.take()), [2]);
  assert.deepEqual(windows(await stranger!.take()), []);
  assert.deepEqual(windows(await fresh!.take()), []);
  stage.close(3000);
  await stage.look();
  for (const client of [again, stranger, fresh]) assert.deepEqual(windows(await client!.take()), [3]);
  stage.closing.abort();
});

Deno.test("a client that does not read is cut off, and the others go on", async () => {
  const stage = new Stage();
  const slow = stage.events.open(undefined);
  const client = new Reader(stage.events.open(undefined));
  await turns();
  stage.note = "x".repeat(300_000);
  for (let i = 0; i < 8; i++) {
    stage.commits++;
    await stage.look();
    assert.ok((await client.take()).length > 300_000);
  }
  await assert.rejects(() => slow.getReader().read(), "what waited for it is gone too");
  assert.equal(client.end, undefined);
  stage.closing.abort();
});

Deno.test("there is a bound of clients, and who goes makes room", async () => {
  const stage = new Stage();
  const clients = Array.from({ length: 32 }, () => new Reader(stage.events.open(undefined)));
  assert.throws(
    () => stage.events.open(undefined),
    (error) => error instanceof ApiError && error.status === 503,
  );
  await clients[0]!.cancel();
  new Reader(stage.events.open(undefined));
  stage.closing.abort();
  assert.throws(() => stage.events.open(undefined), ApiError, "the listener closes");
});

Deno.test("pipeline and signs of life come at once and at each look, however long the state takes to answer", async () => {
  const stage = new Stage();
  stage.isSlow = true;
  const client = new Reader(stage.events.open(undefined));
  await client.take();
  const first = client.pipelines;
  assert.ok(first >= 1);
  assert.equal(client.signsOfLife, 1);
  for (let i = 1; i <= 20; i++) {
    await stage.look();
    assert.equal(await client.take(), "");
    assert.equal(client.pipelines, first + i);
    assert.equal(client.signsOfLife, 1 + i);
  }
  stage.overview = { isStopping: true };
  await stage.look();
  assert.match(await client.take(), /^event: readiness/);
  stage.closing.abort();
});

Deno.test("a defect ends the streams, not the handler", async () => {
  const stage = new Stage();
  const client = new Reader(stage.events.open(undefined));
  await client.take();
  stage.fails = true;
  await stage.look();
  assert.equal(client.end, "closed");
  stage.fails = false;
  const again = new Reader(stage.events.open(undefined));
  assert.match(await again.take(), /event: status/);
  stage.closing.abort();
});
