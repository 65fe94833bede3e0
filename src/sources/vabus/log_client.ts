import type { BusConnection } from "./bus_connection.ts";
import { EventBatch } from "../../event/event_batch.ts";
import { isLogId, scanReply } from "../../codec/reply_scanner.ts";
import { ReplyFormatError } from "../../codec/json_bytes.ts";
import { SourceError } from "../../contract/source.ts";
import type { BusLog, FetchReply, FetchRequest } from "./bus_log.ts";

const OK = 200;
const TRIMMED = 410;
const BEYOND_END = 416;

/** Reads the event log of a VaBus by `GET /events`. */
export class LogClient implements BusLog {
  readonly name: string;

  /** @param consumer The name under which the bus stores acknowledgements. */
  constructor(private readonly connection: BusConnection, private readonly consumer: string) {
    this.name = connection.name;
  }

  fetch(request: FetchRequest, signal: AbortSignal): Promise<FetchReply> {
    return this.read(this.path(request), request.limit, request.waitSeconds, signal);
  }

  look(offset: number, signal: AbortSignal): Promise<FetchReply> {
    return this.read(`/events?offset=${offset}&limit=1&wait=0`, 1, 0, signal);
  }

  async oldest(signal: AbortSignal): Promise<{ log: string; offset: number }> {
    const { body } = await this.connection.request({ path: "/healthz", expected: [OK] }, signal);
    const { log, first } = this.bounds(body);
    return { log, offset: first };
  }

  /** Reads one event without the consumer's name, so that the bus stores no acknowledgement. */
  async probe(signal: AbortSignal): Promise<string> {
    const path = this.path({ offset: undefined, limit: 1, waitSeconds: 0, ack: undefined });
    const { body } = await this.connection.request({ path, expected: [OK], events: 1 }, signal);
    try {
      const { log, offset, next } = scanReply(body, new EventBatch(), 1);
      return next > offset ? `log ${log}, oldest offset ${offset}` : `log ${log}, empty`;
    } catch (error) {
      if (!(error instanceof ReplyFormatError)) throw error;
      throw new SourceError("garbage", `${this.name}: ${error.message}`);
    }
  }

  time(signal: AbortSignal): Promise<number | undefined> {
    return this.connection.time(signal);
  }

  close(): void {
    this.connection.close();
  }

  private async read(
    path: string,
    events: number,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<FetchReply> {
    const expected = [OK, TRIMMED, BEYOND_END];
    const { status, body, dateMs } = await this.connection.request(
      { path, waitSeconds, expected, events },
      signal,
    );
    if (status === OK) return { kind: "events", body, dateMs };
    return { kind: status === TRIMMED ? "trimmed" : "reset", ...this.bounds(body), dateMs };
  }

  private path({ offset, limit, waitSeconds, ack }: FetchRequest): string {
    const query = new URLSearchParams({ limit: `${limit}`, wait: `${waitSeconds}`, consumer: this.consumer });
    if (offset !== undefined) query.set("offset", `${offset}`);
    if (ack !== undefined) query.set("ack", `${ack}`);
    return `/events?${query}`;
  }

  private bounds(body: Uint8Array): { log: string; first: number; next: number } {
    let parsed: { log?: unknown; first?: unknown; next?: unknown } | null;
    try {
      parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    } catch {
      parsed = null;
    }
    const { log, first, next } = parsed ?? {};
    if (isLogId(log) && isOffset(first) && isOffset(next) && first <= next) {
      return { log, first, next };
    }
    throw new SourceError("garbage", `${this.name}: the bus does not say where its log begins`);
  }
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}
