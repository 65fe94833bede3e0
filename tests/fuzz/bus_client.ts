import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { gzipSync } from "node:zlib";
import type { PartitionReader } from "../../src/ingest/partition_reader.ts";
import { BusConnection } from "../../src/sources/vabus/bus_connection.ts";
import { LogClient } from "../../src/sources/vabus/log_client.ts";
import type { LogPartition } from "../../src/sources/vabus/log_partition.ts";
import type { BusLog, FetchReply, FetchRequest } from "../../src/sources/vabus/bus_log.ts";
import { SourceError } from "../../src/contract/source.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { openRig, type Rig } from "../ingest/rig.ts";
import { type FaultyRequest, FaultyServer } from "../support/http_faults.ts";
import { anyBytes, below, chance, oddText, oneOf } from "./draw.ts";
import { mutated } from "./mutation.ts";
import { parseReply, replyText } from "./scanner.ts";
import type { Random, Target, Trial } from "./target.ts";

/**
 * Compares a handler that reads a bus with replies that are broken in every layer with a model of its allowed
 * progress.
 */
export const busClient: Target = {
  name: "bus-client",
  what: "client and reader over HTTP replies with wrong statuses, lengths, offsets, encodings and bytes",
  open: () => BusClientTrial.open(),
};

const NOW_MS = 1_760_000_000_000;
const ENCODER = new TextEncoder();

/** A request of the reader, and the client's result. */
interface Exchange {
  readonly request: FetchRequest;
  result: { readonly reply: FetchReply } | { readonly error: SourceError } | undefined;
}

/** Records the calls between reader and client. The client must throw nothing but {@link SourceError}. */
class ObservedLog implements BusLog {
  exchanges: Exchange[] = [];
  readonly name: string;

  constructor(private readonly client: BusLog) {
    this.name = client.name;
  }

  async fetch(request: FetchRequest, signal: AbortSignal): Promise<FetchReply> {
    const exchange: Exchange = { request, result: undefined };
    this.exchanges.push(exchange);
    try {
      const reply = await this.client.fetch(request, signal);
      // The reader may overwrite the bytes. The copy is for the check.
      exchange.result = { reply: reply.kind === "events" ? { ...reply, body: reply.body.slice() } : reply };
      return reply;
    } catch (error) {
      assert.ok(error instanceof SourceError, `the client threw ${error}`);
      assert.doesNotMatch(error.message, /\p{Cc}/u);
      exchange.result = { error };
      throw error;
    }
  }

  // Without the events that it last read, a bus cannot be caught with others.
  look = (): Promise<FetchReply> => Promise.resolve({ kind: "reset", log: "none", first: 0, next: 0 });
  oldest = (): Promise<never> => Promise.reject(new SourceError("garbage", "404"));
  probe = (signal: AbortSignal): Promise<string> => this.client.probe(signal);
  time = (signal: AbortSignal): Promise<number | undefined> => this.client.time(signal);
  close = (): void => this.client.close();
}

class BusClientTrial implements Trial {
  readonly isStateful = true;
  private random: Random = () => 0;
  /** The true bus. */
  private log = "log-0";
  private first = 0;
  private next = 0;
  private stalled: (() => void)[] = [];
  private cancel = new AbortController();
  /** Where logs were left that the bus had before. */
  private readonly left = new Map<string, number | undefined>();
  private readonly server: FaultyServer;
  private readonly source: ObservedLog;
  private readonly rig: Rig;
  private reader!: PartitionReader;
  private readonly batch = new EventBatch();

  private constructor(private readonly directory: string) {
    this.server = FaultyServer.start((request) => this.answer(request));
    const connection = new BusConnection({
      url: this.server.url,
      proxy: undefined,
      token: undefined,
      tls: undefined,
    });
    this.source = new ObservedLog(new LogClient(connection, "fuzz"));
    this.rig = openRig(directory, [this.source], NOW_MS, {
      VABUS_BATCH_SIZE: "8",
      OUTBOX_MAX_ROWS: "1000000000",
    });
  }

  static async open(): Promise<BusClientTrial> {
    const trial = new BusClientTrial(await Deno.makeTempDir({ prefix: "vabus-fuzz-" }));
    const [source] = trial.rig.readers;
    await source!["open"](trial.cancel.signal, 1);
    trial.reader = [...source!["readings"].values()][0]!.reader;
    return trial;
  }

  async attempt(random: Random): Promise<string> {
    this.random = random;
    this.live();
    const before = this.position;
    const receivedBefore = this.received;
    const step = this.reader["step"](this.batch, 0, this.cancel.signal);
    const isStuck = await this.isStuck(step);
    if (isStuck) {
      this.cancel.abort();
      await step;
      // The reader ends with its signal; what it had asked for ahead went with it.
      this.cancel = new AbortController();
      (this.reader["partition"] as LogPartition)["ahead"].forget();
    }
    for (const go of this.stalled.splice(0)) go();
    const consumed = this.source.exchanges.findLast(({ request }) => request.offset === before.nextOffset)!;
    const expected = isStuck
      ? { position: before, received: 0 }
      : this.resumed(before, modelOf(before, consumed));
    if (isStuck) assert.match(shown(consumed), /^an error: .*: the request was cancelled$/, "it went on");
    const context = `from ${JSON.stringify(before)} by ${shown(consumed)}`;
    const learnt = isStuck ? undefined : learntFrom(before, consumed);
    if (!isDeepStrictEqual(this.position, learnt)) {
      assert.deepEqual(this.position, expected.position, context);
    }
    assert.equal(this.received - receivedBefore, expected.received, `events taken ${context}`);
    this.noteLog(before);
    // Replies to the next fetch, asked for ahead, may be used by the next step; older ones never.
    this.source.exchanges = this.source.exchanges.slice(-4);
    this.server.requests.length = 0;
    this.rig.log.length = 0;
    if (isStuck) return "cancelled";
    return consumed.result === undefined || "error" in consumed.result
      ? "refused by the client"
      : expected.received > 0
      ? "events taken"
      : this.position.nextOffset === before.nextOffset && this.position.log === before.log
      ? "nothing taken"
      : "moved";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const go of this.stalled.splice(0)) go();
    this.source.close();
    this.rig[Symbol.dispose]();
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }

  private get position(): BusPosition {
    const { name, progress: { lineage: log, position } } = this.rig.core.ingest.partitions[0]!;
    return { name, log, nextOffset: position === undefined ? undefined : Number(position) };
  }

  private get received(): number {
    return this.rig.core.aggregator.books.received;
  }

  /** The true bus changes: it gets events, is trimmed, and is sometimes replaced by another one. */
  private live(): void {
    this.next += below(this.random, 6);
    if (chance(this.random, 0.03)) this.first += below(this.random, this.next - this.first + 1);
    if (chance(this.random, 0.02)) {
      this.log = `log-${below(this.random, 1e9)}`;
      this.first = oneOf(this.random, [0, 0, 1000]);
      this.next = this.first + below(this.random, 20);
    }
    this.rig.core.ingest.checkpointNow();
  }

  /** A log that the bus has had before goes on where it was left. */
  private resumed(before: BusPosition, expected: Expected): Expected {
    const { name, log } = expected.position;
    if (log === undefined || log === before.log || !this.left.has(log)) return expected;
    return { position: { name, log, nextOffset: this.left.get(log) }, received: 0 };
  }

  private noteLog(before: BusPosition): void {
    const { log } = this.position;
    if (log === before.log) return;
    if (before.log !== undefined) this.left.set(before.log, before.nextOffset);
    if (log !== undefined) this.left.delete(log);
  }

  /** Whether the step waits for an answer that does not come. */
  private async isStuck(step: Promise<unknown>): Promise<boolean> {
    let hasEnded = false;
    step.finally(() => hasEnded = true).catch(() => {});
    while (!hasEnded && this.stalled.length === 0) {
      await Promise.race([step, new Promise((resolve) => setTimeout(resolve, 1))]);
    }
    return !hasEnded;
  }

  private async answer(request: FaultyRequest): Promise<Uint8Array> {
    const { random } = this;
    if (chance(random, 0.01)) await new Promise<void>((resolve) => this.stalled.push(resolve));
    const right = this.rightAnswer(request);
    if (chance(random, 0.45)) return httpReply(right.status, ENCODER.encode(right.body));
    switch (below(random, 12)) {
      case 0:
        return anyBytes(random, 400);
      case 1:
        return mutated(random, httpReply(right.status, ENCODER.encode(right.body)));
      case 2:
        return httpReply(right.status, mutated(random, ENCODER.encode(right.body)));
      case 3:
        return httpReply(oneOf(random, STATUSES), ENCODER.encode(right.body), {
          "retry-after": oneOf(random, [
            "1",
            "-1",
            "1e9",
            "soon",
            "99999999999999999999",
            "Wed, 01 Jan 2031 00:00:00 GMT",
          ]),
        });
      case 4:
        return httpReply(right.status, ENCODER.encode(right.body), {
          "content-length": oneOf(random, ["0", "1", "-1", "x", "999999", "99999999999999999999", "1, 2"]),
        });
      case 5: {
        const packed = Uint8Array.from(gzipSync(right.body));
        return httpReply(right.status, chance(random, 0.5) ? mutated(random, packed) : packed, {
          "content-encoding": oneOf(random, [
            "gzip",
            "gzip",
            "x-gzip",
            "GZIP",
            "br",
            "deflate",
            "identity, gzip",
            "\u00e9",
          ]),
        });
      }
      case 6:
        return httpReply(right.status, ENCODER.encode(chunked(random, right.body)), {
          "transfer-encoding": "chunked",
          ...(chance(random, 0.8) && { "content-length": undefined }),
        });
      case 7:
        return httpReply(200, ENCODER.encode(replyText(random)));
      case 8:
        return httpReply(200, ENCODER.encode(this.wrongHeader(request)));
      case 9:
        return httpReply(oneOf(random, [410, 416]), ENCODER.encode(this.wrongBounds(request)));
      case 10:
        return httpReply(200, ENCODER.encode(oddText(random, 200)), { "x-odd": oddText(random, 5) });
      default:
        return httpReply(right.status, ENCODER.encode(right.body)).slice(0, below(random, 200));
    }
  }

  private rightAnswer(request: FaultyRequest): { status: number; body: string } {
    const { log, first, next } = this;
    const offset = Number(request.query.get("offset") ?? first);
    const bounds = JSON.stringify({ log, first, next });
    if (offset < first) return { status: 410, body: bounds };
    if (offset > next) return { status: 416, body: bounds };
    return {
      status: 200,
      body: eventsReply(log, offset, Math.min(Number(request.query.get("limit")), next - offset)),
    };
  }

  /** A reply of the right shape that says something else about its place. */
  private wrongHeader(request: FaultyRequest): string {
    const { random, log } = this;
    const offset = Number(request.query.get("offset") ?? 0);
    const wrongOffset = oneOf(random, [offset + 1, offset - 1, 0, -1, 2 ** 53, 1e300, offset + 0.5, offset]);
    const wrongNext = oneOf(random, [
      offset,
      offset - 1,
      -1,
      0,
      offset + 1e9,
      2 ** 53 - 1,
      2 ** 60,
      0.5,
      null,
    ]);
    return `{"log":${
      oneOf(random, [JSON.stringify(log), '"other"', '""', "7", "null"])
    },"offset":${wrongOffset},` +
      `"next":${wrongNext},"events":[${oneOf(random, ["", eventsText(2), eventsText(9), "1,2,3"])}]}`;
  }

  private wrongBounds(request: FaultyRequest): string {
    const { random, log } = this;
    const offset = Number(request.query.get("offset") ?? 0);
    const any = () =>
      oneOf(random, [0, offset, offset - 1, offset + 1, -1, 2 ** 53, 1e300, 0.5, null, '"5"', offset + 100]);
    return `{"log":${
      oneOf(random, [JSON.stringify(log), JSON.stringify(log), '"other"', '""', "7"])
    },"first":${any()},"next":${any()}}`;
  }
}

/** Where the reader stands in a log. */
interface BusPosition {
  readonly name: string;
  /** Undefined before the first reply. */
  readonly log: string | undefined;
  /** Undefined: from the oldest event on. */
  readonly nextOffset: number | undefined;
}

interface Expected {
  readonly position: BusPosition;
  readonly received: number;
}

/**
 * The allowed progress of the reader after an exchange, and the number of events that it may have taken in,
 * by the protocol.
 */
function modelOf(
  before: BusPosition,
  { request, result }: Exchange,
): Expected {
  const { name, log, nextOffset } = before;
  const same = { position: before, received: 0 };
  if (result === undefined || "error" in result) return same;
  const { reply } = result;
  if (reply.kind !== "events") {
    if (log === reply.log) {
      // The bus contradicts itself: what it says does not put the offset that was asked for outside of its
      // log.
      if (reply.kind === "trimmed" && reply.first <= (nextOffset ?? -1)) return same;
      if (reply.kind === "reset") {
        if (reply.next >= (nextOffset ?? 0)) return same;
        return { position: { name, log, nextOffset: reply.next }, received: 0 };
      }
    }
    return { position: { name, log: reply.log, nextOffset: reply.first }, received: 0 };
  }
  const read = parseReply(reply.body);
  if (read === "refused" || read.total > request.limit) return same;
  const header = read.header!;
  if (log !== undefined && header.log !== log) {
    return { position: { name, log: header.log, nextOffset: undefined }, received: 0 };
  }
  if (nextOffset !== undefined && header.offset !== nextOffset) return same;
  return { position: { name, log: header.log, nextOffset: header.next }, received: read.total };
}

/**
 * Where else it may stand: where it is when a shorter log cannot be compared; where a log begins, by the head
 * of a reply of which nothing else can be read.
 */
function learntFrom(
  { name, log, nextOffset }: BusPosition,
  { request, result }: Exchange,
): BusPosition | undefined {
  if (result === undefined || "error" in result) return undefined;
  if (result.reply.kind === "reset" && result.reply.log === log) return { name, log, nextOffset };
  if (nextOffset !== undefined) return undefined;
  if (result.reply.kind !== "events") return undefined;
  const read = parseReply(result.reply.body);
  if (read !== "refused" && read.total <= request.limit) return undefined;
  const head = Buffer.from(result.reply.body).toString("latin1").split('"events"')[0]!;
  const said = /"log"\s*:\s*"([ -~]+)"\s*,\s*"offset"\s*:\s*(\d+)\s*,/.exec(head);
  if (said === null || (log !== undefined && log !== said[1])) return undefined;
  return { name, log: said[1], nextOffset: Number(said[2]) };
}

function shown({ request, result }: Exchange): string {
  if (result === undefined) return "nothing";
  if ("error" in result) return `an error: ${result.error.message}`;
  const { reply } = result;
  const text = reply.kind === "events"
    ? new TextDecoder().decode(reply.body.subarray(0, 500))
    : JSON.stringify(reply);
  return `the reply to ${request.offset}: ${text}`;
}

function eventsText(count: number): string {
  return Array.from({ length: count }, (_, i) => `{"name":"n${i}","value":1,"timestamp":${NOW_MS / 1000}}`)
    .join(",");
}

function eventsReply(log: string, offset: number, count: number): string {
  return `{"log":"${log}","offset":${offset},"next":${offset + count},"events":[${eventsText(count)}]}`;
}

// deno-fmt-ignore
const STATUSES = [100, 199, 201, 202, 204, 206, 301, 302, 304, 400, 401, 403, 404, 408, 409, 410, 413, 416, 418, 429, 500, 502, 503, 599, 999];

/** Headers that are undefined are left out. */
function httpReply(
  status: number,
  body: Uint8Array,
  headers: Readonly<Record<string, string | undefined>> = {},
): Uint8Array<ArrayBuffer> {
  const all: Record<string, string | undefined> = {
    "content-type": "application/json",
    "content-length": `${body.length}`,
    connection: "close",
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = ENCODER.encode(`HTTP/1.1 ${status} Whatever\r\n${lines}\r\n`);
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

/** The body in chunks, some with a wrong length, some without an end. */
function chunked(random: Random, body: string): string {
  const size = 1 + below(random, body.length + 1);
  const said = chance(random, 0.7)
    ? size.toString(16)
    : oneOf(random, ["0", "-1", "ffffffffffffffffff", "g", "1;x=y", ""]);
  const rest = body.slice(size);
  const restChunk = rest === "" ? "" : `${rest.length.toString(16)}\r\n${rest}\r\n`;
  return `${said}\r\n${body.slice(0, size)}\r\n${restChunk}${chance(random, 0.8) ? "0\r\n\r\n" : ""}`;
}
