/** The event log of a VaBus, for its reader. Nothing is retried; every failure is a `SourceError`. */
export interface BusLog {
  /** The URL without credentials. */
  readonly name: string;
  /**
   * Reads events from `offset` on. Resolves with the events (none after `waitSeconds`), or with the fact that
   * the event log does not have the offset.
   */
  fetch(request: FetchRequest, signal: AbortSignal): Promise<FetchReply>;
  /** Reads the event at `offset` alone, without waiting and without an acknowledgement. */
  look(offset: number, signal: AbortSignal): Promise<FetchReply>;
  /** The identity of the event log and its oldest offset, without reading an event. */
  oldest(signal: AbortSignal): Promise<{ readonly log: string; readonly offset: number }>;
  /** Connects to the bus and returns in a few words what is there. */
  probe(signal: AbortSignal): Promise<string>;
  /** The time that the bus tells, Unix ms; undefined: it does not tell. */
  time(signal: AbortSignal): Promise<number | undefined>;
  close(): void;
}

export interface FetchRequest {
  /** Undefined: from the oldest event. */
  readonly offset: number | undefined;
  readonly limit: number;
  /** Long poll: how long the bus may wait for the first event. */
  readonly waitSeconds: number;
  /** Everything below this offset is durable here, so the bus may drop it. */
  readonly ack: number | undefined;
}

/**
 * 410 (`trimmed`: the offset is before the oldest event) or 416 (`reset`: it is beyond the end, so the event
 * log was begun anew).
 */
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
    /**
     * A reply body that is not yet scanned: `{"log","offset","next","events"}` in UTF-8. The reader owns the
     * bytes.
     */
    | { readonly kind: "events"; readonly body: Uint8Array }
    | Bounds
  )
  & {
    /** The time that the bus tells, Unix ms; undefined: it does not tell. */
    readonly dateMs?: number | undefined;
  };
