import { rebirthCommand } from "../../../codec/sparkplug/rebirth_command.ts";
import { RebirthRequests } from "../../../codec/sparkplug/rebirth_requests.ts";
import { SparkplugReader } from "../../../codec/sparkplug/sparkplug_reader.ts";
import type { EventMapping } from "../../../codec/mapping/event_mapping.ts";
import {
  type Outcome,
  type Partition,
  type Position,
  type Progress,
  type ReadRequest,
  type Replay,
  type SourceContext,
  SourceError,
} from "../../../contract/source.ts";
import type { EventBatch } from "../../../event/event_batch.ts";
import { CertificateStore } from "./certificate_store.ts";
import { SessionMemory } from "./session_memory.ts";

const MARK = "; sparkplug ";

/** What a partition of Sparkplug messages needs. */
export interface SparkplugOptions {
  readonly mapping: EventMapping;
  /** File of the birth certificates. Absolute. */
  readonly path: string;
  /** How the bus is called in messages. */
  readonly name: string;
  /** Sends a message to the bus, if it can be reached now. */
  readonly publish: (topic: string, payload: Uint8Array) => void;
}

/**
 * Messages of Sparkplug B from a partition that hands over single messages. What a message means hangs on
 * those before it, so what is remembered of them is a part of the position.
 */
export class SparkplugPartition implements Partition {
  readonly id: string;
  readonly replay: Replay;
  readonly readMaxMs: number;
  /** What the inner partition makes events with. */
  readonly reader: SparkplugReader;
  private readonly inner: Partition;
  private readonly rebirths = new RebirthRequests();
  /** Opened before the first read. */
  private file: { readonly store: CertificateStore; readonly memory: SessionMemory } | undefined;
  /** The position that the last read began at, and the one that it led to; undefined: there was none. */
  private last: { readonly before: Position | undefined; readonly after: Position | undefined } | undefined;
  /** What is remembered at the end of the last read, as text. */
  private memoryText: string | undefined;
  private isClosed = false;

  /** @param makeInner Makes the partition whose messages the reader reads. */
  constructor(
    private readonly options: SparkplugOptions,
    private readonly context: Pick<SourceContext, "clock" | "logger">,
    makeInner: (reader: SparkplugReader) => Partition,
  ) {
    this.reader = new SparkplugReader(options.mapping, (group, node) => this.rebirths.want(group, node));
    this.inner = makeInner(this.reader);
    this.id = this.inner.id;
    this.replay = this.inner.replay;
    this.readMaxMs = this.inner.readMaxMs;
  }

  async read(
    from: Progress,
    into: EventBatch,
    request: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { memory } = this.opened();
    this.goTo(from.position, memory);
    const messages = this.reader.messages;
    const { gaps, lost } = this.reader.books;
    try {
      const outcome = await this.inner.read(withoutMemory(from), into, request, signal);
      if (this.reader.messages > messages) this.memoryText = this.textOf(memory);
      const missing = { gaps: this.reader.books.gaps - gaps, lost: this.reader.books.lost - lost };
      const joined = this.withMemory(outcome, missing.lost);
      this.last = { before: from.position, after: "next" in joined ? joined.next : undefined };
      this.tell(missing);
      this.askForBirths();
      return joined;
    } catch (error) {
      memory.undo();
      this.last = { before: from.position, after: from.position };
      throw error;
    }
  }

  async committed(progress: Progress): Promise<void> {
    await this.inner.committed(withoutMemory(progress));
    const { memory } = partsOf(progress.position);
    if (memory === undefined || this.isClosed) return;
    try {
      this.opened().memory.keepFrom(memory);
    } catch (error) {
      // What is not deleted now is deleted after a later checkpoint.
      this.context.logger.warn("old birth certificates cannot be deleted", {
        file: this.options.path,
        error: (error as Error).message,
      });
    }
  }

  async farewell(progress: Progress, signal: AbortSignal): Promise<void> {
    await this.inner.farewell?.(withoutMemory(progress), signal);
  }

  /** Messages may have been missed, since another connection to the bus was made. */
  interrupted(): void {
    this.reader.sessions.putOnTrial();
  }

  close(): void {
    this.isClosed = true;
    this.file?.store.close();
    this.file = undefined;
  }

  /** Brings what is remembered to the position that a read begins at. @throws {SourceError} */
  private goTo(position: Position | undefined, memory: SessionMemory): void {
    const { last } = this;
    if (last !== undefined && position === last.after) return memory.mark();
    const text = partsOf(position).memory;
    // The events of the last read were held back, so that its messages come again.
    if (last !== undefined && position === last.before) memory.undo();
    else if (!this.restored(memory, text)) {
      this.context.logger.warn(
        "the birth certificates of the Sparkplug nodes are not where they were kept: the nodes are asked " +
          "for them, and until they answer their data without names are dead letters",
        { file: this.options.path },
      );
    }
    this.memoryText = text;
  }

  /** The outcome with what is remembered as a part of its position. */
  private withMemory(outcome: Outcome, lost: number): Outcome {
    if (!("next" in outcome) || outcome.next === undefined) return outcome;
    const { memoryText } = this;
    const next = memoryText === undefined ? outcome.next : `${outcome.next}${MARK}${memoryText}`;
    return outcome.kind === "events" || outcome.kind === "idle"
      ? { ...outcome, next, lost: outcome.lost + lost }
      : { ...outcome, next };
  }

  private tell({ gaps, lost }: { readonly gaps: number; readonly lost: number }): void {
    if (gaps === 0) return;
    this.context.logger.warn(
      "messages of Sparkplug nodes are missing, by their sequence numbers; the nodes are asked for their " +
        "birth certificates",
      { bus: this.options.name, gaps, lost },
    );
  }

  private askForBirths(): void {
    const { clock, logger } = this.context;
    for (const { group, node } of this.rebirths.due(clock.monotonicMs())) {
      const { payload, topic } = rebirthCommand(group, node, clock.nowMs());
      logger.info("a Sparkplug node is asked for its birth certificates", { group, node });
      this.options.publish(topic, payload);
    }
  }

  /** Whether the certificates are there. @throws {SourceError} */
  private restored(memory: SessionMemory, text: string | undefined): boolean {
    try {
      return memory.restore(text);
    } catch (error) {
      throw this.fileError(error);
    }
  }

  /** @throws {SourceError} */
  private textOf(memory: SessionMemory): string {
    try {
      return memory.text();
    } catch (error) {
      throw this.fileError(error);
    }
  }

  /** @throws {SourceError} */
  private opened(): { readonly store: CertificateStore; readonly memory: SessionMemory } {
    if (this.file !== undefined) return this.file;
    try {
      const store = CertificateStore.open(this.options.path);
      return this.file = { store, memory: new SessionMemory(this.reader, store) };
    } catch (error) {
      throw this.fileError(error);
    }
  }

  private fileError(error: unknown): SourceError {
    const { path } = this.options;
    return new SourceError(
      "unavailable",
      `the birth certificates in ${path} cannot be read or written: ${(error as Error).message}. Is the ` +
        "disk full? A file that is damaged may be deleted while the handler is stopped: the nodes are then " +
        "asked for their births again",
    );
  }
}

function withoutMemory(progress: Progress): Progress {
  return { ...progress, position: partsOf(progress.position).inner };
}

/** The position of the inner partition, and what is remembered, as text; undefined: there is none. */
function partsOf(position: Position | undefined): {
  readonly inner: Position | undefined;
  readonly memory: string | undefined;
} {
  const at = position?.lastIndexOf(MARK) ?? -1;
  if (position === undefined || at < 0) return { inner: position, memory: undefined };
  return { inner: position.slice(0, at), memory: position.slice(at + MARK.length) };
}
