import { oneLine } from "../platform/log/printable.ts";

/** Of the identity of a log. */
export const LOG_ID_MAX_CHARACTERS = 512;

/** An ordered log of events that can be read from an offset and acknowledged. VaBus is one; a Kafka partition could be another. */
export interface Source {
  /** How the source is named in logs, `status` and the state: its URL without credentials. */
  readonly name: string;
  /**
   * Reads events from `offset` on. Resolves with what there is (possibly nothing, after `waitSeconds`), or with the
   * news that the log begins elsewhere. Throws {@link SourceError}; never retries.
   */
  fetch(request: FetchRequest, signal: AbortSignal): Promise<FetchReply>;
  /** The event at `offset` alone, without waiting and without acknowledging anything. @throws {SourceError} */
  look(offset: number, signal: AbortSignal): Promise<FetchReply>;
  /** Which log the source has, and the oldest offset in it, without reading an event. @throws {SourceError} */
  oldest(signal: AbortSignal): Promise<{ readonly log: string; readonly offset: number }>;
  /** Reaches the source and says in a few words what is there. For the `check` command. */
  probe(signal: AbortSignal): Promise<string>;
  /** What the source says the time is, Unix ms; undefined: it does not. Throws {@link SourceError}. */
  time(signal: AbortSignal): Promise<number | undefined>;
  close(): void;
}

export interface FetchRequest {
  /** Undefined: from the oldest event. */
  readonly offset: number | undefined;
  readonly limit: number;
  /** Long poll: how long the source may wait for the first event. */
  readonly waitSeconds: number;
  /** Everything below this offset is durable here and may be forgotten by the source. */
  readonly ack: number | undefined;
}

export type FetchReply =
  & (
    /** A reply body that still has to be scanned: `{"log","offset","next","events"}` in UTF-8. It is the reader's own. */
    | { readonly kind: "events"; readonly body: Uint8Array }
    /** 410 (`trimmed`: the offset is older than the log) or 416 (`reset`: beyond its end, so it began anew). */
    | {
      readonly kind: "trimmed" | "reset";
      readonly log: string;
      /** Oldest offset there is. */
      readonly first: number;
      /** Offset that the next published event will get. */
      readonly next: number;
    }
  )
  & {
    /** What the source says the time is, Unix ms; undefined: it does not. */
    readonly dateMs?: number | undefined;
  };

/**
 * - `unavailable`: no connection, time-out, 5xx, 429.
 * - `incomplete`: an answer that was cut off, or is larger than can be taken: one of fewer events may be neither.
 * - `refused`: 401, 403, TLS identity: someone has to change something.
 * - `garbage`: an answer, but not VaBus (404, not JSON, wrong shape).
 */
export type SourceErrorKind = "unavailable" | "incomplete" | "refused" | "garbage";

/** The only error a source throws. `message` is for the operator: what is wrong and what to do, without secrets. */
export class SourceError extends Error {
  constructor(
    readonly kind: SourceErrorKind,
    message: string,
    /** From `Retry-After`: do not ask again sooner. Milliseconds. */
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(oneLine(message), options);
    this.name = "SourceError";
  }
}
