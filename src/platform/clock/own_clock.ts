import type { Clock } from "./clock.ts";

/**
 * Moments that are surely in the past: a clock that is behind one of them is wrong. Unix ms; undefined: not
 * known.
 */
export interface ClockWitnesses {
  /** When the program was built. */
  readonly builtAtMs: number | undefined;
  /** The latest that the wall clock has ever said at a checkpoint of this state. */
  readonly stateMs: () => number | undefined;
}

interface Said {
  readonly dateMs: number;
  /** When it was heard, by the clock that does not jump. */
  readonly heardAtMs: number;
}

/** The uncertainty of a `Date` header: whole seconds, and the time on the way. */
const TOLERANCE_MS = 2000;

/**
 * Finds out whether this host's own clock is behind. The evidence is what the buses say, what the state has
 * seen, and when the program was built.
 */
export class OwnClock {
  private readonly said = new Map<string, Said>();

  constructor(
    private readonly clock: Pick<Clock, "nowMs" | "monotonicMs">,
    private readonly witnesses: ClockWitnesses,
  ) {}

  /** A bus has said what time it is. */
  heard(bus: string, dateMs: number): void {
    this.said.set(bus, { dateMs, heardAtMs: this.clock.monotonicMs() });
  }

  /**
   * The evidence that the clock is behind, where that is why an event is too far ahead of it. Undefined:
   * there is none, or the event would be too far ahead of the right time as well. The text is for the
   * operator, with both times.
   *
   * @param eventMs Time of the event, Unix ms, more than `skewMs` ahead of the wall clock.
   */
  excuse(eventMs: number, skewMs: number): string | undefined {
    const nowMs = this.clock.nowMs();
    const dates = this.dates();
    const bus = dates.find(({ ms }) => ms > nowMs + TOLERANCE_MS && eventMs <= ms + skewMs);
    if (bus) return this.accusation(nowMs, bus);
    for (const witness of this.lowerBounds()) {
      if (witness.ms <= nowMs + TOLERANCE_MS) continue;
      // A bus that agrees with the wall clock knows the time to the second. So the event is ahead of the
      // right time as well.
      if (dates.some(({ ms }) => ms >= witness.ms - TOLERANCE_MS)) continue;
      // The latest checkpoint may have been made by a clock that was ahead. A bus that contradicts it is
      // believed, except for an event that contradicts the bus.
      if (dates.length > 0 && eventMs < witness.ms) continue;
      return this.accusation(nowMs, witness);
    }
    return undefined;
  }

  /** The evidence that the clock is behind by more than `toleratedMs`; undefined: there is none. */
  accuser(toleratedMs: number): string | undefined {
    const nowMs = this.clock.nowMs();
    const dates = this.dates();
    const bus = dates.find(({ ms }) => ms > nowMs + toleratedMs + TOLERANCE_MS);
    if (bus) return this.accusation(nowMs, bus);
    const witness = this.lowerBounds().find(({ ms }) => ms > nowMs + toleratedMs + TOLERANCE_MS);
    return witness && dates.length === 0 ? this.accusation(nowMs, witness) : undefined;
  }

  /**
   * Other evidence that the clock is wrong: a witness that a bus contradicts, or a bus that says that the
   * clock is ahead by more than `toleratedMs`. Undefined: there is none.
   */
  doubter(toleratedMs: number): string | undefined {
    const nowMs = this.clock.nowMs();
    const witness = this.lowerBounds().find(({ ms }) => ms > nowMs + toleratedMs + TOLERANCE_MS) ??
      this.dates().find(({ ms }) => ms < nowMs - toleratedMs - TOLERANCE_MS);
    return witness && this.accusation(nowMs, witness);
  }

  private dates(): Witness[] {
    const atMs = this.clock.monotonicMs();
    return [...this.said].map(([bus, { dateMs, heardAtMs }]) => ({
      ms: dateMs + atMs - heardAtMs,
      says: `${bus} says that it is`,
    }));
  }

  /** The right time is later than that for sure, but nobody knows by how much. */
  private lowerBounds(): Witness[] {
    const { builtAtMs, stateMs } = this.witnesses;
    return [
      { ms: stateMs() ?? -Infinity, says: "the state was written at" },
      { ms: builtAtMs ?? -Infinity, says: "this program was built at" },
    ];
  }

  private accusation(nowMs: number, { ms, says }: Witness): string {
    return `this host's clock says ${iso(nowMs)}, but ${says} ${iso(ms)}`;
  }
}

interface Witness {
  readonly ms: number;
  readonly says: string;
}

function iso(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString().replace(".000Z", "Z");
}
