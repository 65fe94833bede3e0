import type { Clock } from "../../../src/platform/clock/clock.ts";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { createLogger } from "../../../src/platform/log/logger.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { FormatReaders } from "../../../src/sources/listen/format_readers.ts";
import { Inbox } from "../../../src/sources/listen/inbox.ts";
import { InboxPartition } from "../../../src/sources/listen/inbox_partition.ts";
import { pushPaths } from "../../../src/sources/listen/push_paths.ts";
import { PushServer, type PushServerOptions } from "../../../src/sources/listen/push_server.ts";
import { RecordCheck } from "../../../src/sources/listen/record_check.ts";
import type { MappingTexts } from "../../../src/codec/mapping/event_mapping.ts";
import { namesOf } from "../../contract/source_reading.ts";

const CLOCK: Clock = { ...systemClock, nowMs: () => 1_700_000_000_000 };

export interface RigOptions extends Partial<PushServerOptions> {
  readonly maxBytes?: number;
  readonly events?: MappingTexts;
  /** The clock of the listener. Wall clock, Unix ms. */
  readonly nowMs?: () => number;
}

/** A line of the log. */
interface Logged {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** An event that was read from the inbox. */
export interface ReadEvent {
  readonly name: string;
  readonly value: number;
  readonly timeMs: number;
}

/** A listener with its inbox, without the rest of a handler. */
export class Rig implements AsyncDisposable {
  inbox!: Inbox;
  server!: PushServer;
  readonly log: Logged[] = [];
  /** Values of the events that were read and may repeat earlier ones. */
  readonly doubtful: number[] = [];
  private readonly readers: FormatReaders;
  private position: string | undefined;

  private readonly logger = createLogger({
    level: "warn",
    format: "json",
    write: (line) => void this.log.push(JSON.parse(line)),
    now: () => 0,
  });

  private constructor(readonly directory: string, private readonly options: RigOptions) {
    this.readers = new FormatReaders(options.events ?? {});
    this.open();
  }

  private open(): void {
    const { maxBytes = 1e9, events: _, nowMs = CLOCK.nowMs, ...options } = this.options;
    this.inbox = Inbox.open(`${this.directory}/inbox.sqlite`, maxBytes);
    const paths = pushPaths(new RecordCheck(this.readers));
    const common = { hostname: "127.0.0.1", port: 0, tls: undefined, token: undefined };
    this.server = new PushServer({ ...common, ...options }, this.inbox, paths, nowMs, this.logger);
  }

  static async start(options: RigOptions = {}): Promise<Rig> {
    return new Rig(await Deno.makeTempDir({ prefix: "vabus-listen-" }), options);
  }

  async post(path: string, body: BodyInit | null, headers: Record<string, string> = {}) {
    const reply = await fetch(this.server.url + path, { method: "POST", body, headers });
    const text = await reply.text();
    return { status: reply.status, headers: reply.headers, text };
  }

  /** Reads on from where the last call has ended, and makes room. */
  async read(): Promise<ReadEvent[]> {
    const partition = new InboxPartition(this.inbox, this.readers, { clock: CLOCK });
    const all: ReadEvent[] = [];
    for (;;) {
      const batch = new EventBatch();
      const progress = {
        lineage: this.position === undefined ? undefined : this.inbox.id,
        position: this.position,
        history: new LogHistory(),
      };
      const request = { limit: 10_000, waitMs: 0, isAfterRest: false };
      const outcome = await partition.read(progress, batch, request, new AbortController().signal);
      if (outcome.kind !== "events") return all;
      this.position = outcome.next;
      await partition.committed({ ...progress, lineage: this.inbox.id, position: outcome.next });
      const names = namesOf(batch);
      for (const [i, name] of names.entries()) {
        if (outcome.mayBeRepeated?.(batch.position[i]!)) this.doubtful.push(batch.value[i]!);
        all.push({ name, value: batch.value[i]!, timeMs: batch.timeMs[i]! });
      }
    }
  }

  /** Ends, and begins another life with the same inbox, at another port. */
  async restart(): Promise<void> {
    await this.server.close();
    this.inbox.close();
    this.open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    this.inbox.close();
    await Deno.remove(this.directory, { recursive: true });
  }
}
