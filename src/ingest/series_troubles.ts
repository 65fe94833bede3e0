import type { Refusal } from "../aggregation/refusal.ts";
import { seriesOf } from "../event/labels.ts";
import type { EventBatch } from "../event/event_batch.ts";

/** A series of which events came late or were refused, since the start of the process. Times are Unix ms. */
export interface SeriesTrouble {
  readonly name: string;
  /** Canonical, see `labels.ts`; not there: it has none. */
  readonly labels?: string;
  /** The bus of the latest one of these events. */
  readonly bus: string;
  /** Events that came after their windows had closed, and corrected them. */
  readonly late: number;
  readonly refused: Readonly<Record<Refusal, number>>;
  /** How far the latest one was behind the newest event of its partition, ms; below 0: ahead of the clock. */
  readonly behindMs: number;
  /** When the first of these events came, without a quiet time of {@link QUIET_MS} since. */
  readonly sinceMs: number;
  /** When the latest of them came. */
  readonly lastMs: number;
}

/** Series that are remembered. Events of more series at a time are only counted. */
const SERIES_MAX = 1000;
/** Series without such an event for that long are forgotten where room is needed. */
const KEPT_MS = 3_600_000;
/** Time between two searches for room: each of them looks at all series. */
const ROOM_MS = 10_000;
/** After that long, what comes is a trouble of its own. */
export const QUIET_MS = 300_000;

type Known = { -readonly [key in keyof SeriesTrouble]: SeriesTrouble[key] } & {
  readonly refused: Record<Refusal, number>;
};

/**
 * Which series have events that come late or are refused. Events in time never get here, so they cost
 * nothing; one that does costs a look into a map. The memory is bounded.
 */
export class SeriesTroubles {
  private readonly known = new Map<number, Known>();
  private roomMs = -Infinity;
  private others = 0;

  /** In the order in which they began. */
  get all(): Iterable<SeriesTrouble> {
    return this.known.values();
  }

  /** Such events of series for which there was no room. */
  get ofOthers(): number {
    return this.others;
  }

  /**
   * Notes an event of a batch.
   *
   * @param i Its index in the columns.
   * @param refusal Why it was refused; undefined: it was late, and corrected its windows.
   * @param behindMs See {@link SeriesTrouble.behindMs}.
   * @param nowMs Wall clock, Unix ms.
   */
  note(
    batch: EventBatch,
    i: number,
    refusal: Refusal | undefined,
    bus: string,
    behindMs: number,
    nowMs: number,
  ): void {
    // The hash has a secret key, so nobody makes two series share it.
    const key = batch.nameHash[i]! * 4096 + batch.nameLength[i]!;
    const trouble = this.known.get(key) ?? this.begin(key, batch, i, bus, nowMs);
    if (trouble === undefined) {
      this.others++;
      return;
    }
    if (refusal === undefined) trouble.late++;
    else trouble.refused[refusal]++;
    if (nowMs - trouble.lastMs > QUIET_MS) trouble.sinceMs = nowMs;
    trouble.bus = bus;
    trouble.behindMs = behindMs;
    trouble.lastMs = nowMs;
  }

  private begin(key: number, batch: EventBatch, i: number, bus: string, nowMs: number): Known | undefined {
    if (this.known.size >= SERIES_MAX && !this.makeRoom(nowMs)) return undefined;
    const start = batch.nameStart[i]!;
    const [text, from] = start < 0 ? [batch.extra, ~start] : [batch.bytes, start];
    const trouble: Known = {
      ...seriesOf(DECODER.decode(text.subarray(from, from + batch.nameLength[i]!))),
      bus,
      late: 0,
      refused: { future: 0, late: 0, overflow: 0 },
      behindMs: 0,
      sinceMs: nowMs,
      lastMs: nowMs,
    };
    this.known.set(key, trouble);
    return trouble;
  }

  private makeRoom(nowMs: number): boolean {
    // A clock that was set back must not keep the room closed.
    if (Math.abs(nowMs - this.roomMs) < ROOM_MS) return false;
    this.roomMs = nowMs;
    for (const [key, { lastMs }] of this.known) {
      if (Math.abs(nowMs - lastMs) > KEPT_MS) this.known.delete(key);
    }
    return this.known.size < SERIES_MAX;
  }
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
