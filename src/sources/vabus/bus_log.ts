/** The log of a VaBus as its reader asks it. Nothing is retried; every failure is a `SourceError`. */
export interface BusLog {
  /** The URL without credentials. */
  readonly name: string;
  /**
   * Reads events from `offset` on. Resolves with what there is (possibly nothing, after `waitSeconds`), or with the
   * news that the log begins elsewhere.
   */
  fetch(request: FetchRequest, signal: AbortSignal): Promise<FetchReply>;
  /** The event at `offset` alone, without waiting and without acknowledging anything. */
  look(offset: number, signal: AbortSignal): Promise<FetchReply>;
  /** Which log the bus has, and the oldest offset in it, without reading an event. */
  oldest(signal: AbortSignal): Promise<{ readonly log: string; readonly offset: number }>;
  /** Reaches the bus and says in a few words what is there. */
  probe(signal: AbortSignal): Promise<string>;
  /** What the bus says the time is, Unix ms; undefined: it does not. */
  time(signal: AbortSignal): Promise<number | undefined>;
  close(): void;
}

export interface FetchRequest {
  /** Undefined: from the oldest event. */
  readonly offset: number | undefined;
  readonly limit: number;
  /** Long poll: how long the bus may wait for the first event. */
  readonly waitSeconds: number;
  /** Everything below this offset is durable here and may be forgotten by the bus. */
  readonly ack: number | undefined;
}

/** 410 (`trimmed`: the offset is older than the log) or 416 (`reset`: beyond its end, so it began anew). */
export interface Bounds {
  readonly kind: "trimmed" | "reset";
  readonly log: string;
  /** Oldest offset there is. */
  readonly first: number;
  /** Offset that the next published event will get. */
  readonly next: number;
}

export type FetchReply =
  & (
    /** A reply body that still has to be scanned: `{"log","offset","next","events"}` in UTF-8. It is the reader's own. */
    | { readonly kind: "events"; readonly body: Uint8Array }
    | Bounds
  )
  & {
    /** What the bus says the time is, Unix ms; undefined: it does not. */
    readonly dateMs?: number | undefined;
  };
