import type { Clock } from "./clock.ts";

/** Moments that the own clock should not be behind. Unix ms; undefined: there is none. */
export interface ClockWitnesses {
  /** When the program was built. */
  readonly builtAtMs: number | undefined;
  /** The latest that the wall clock has ever said at a checkpoint of this state. */
  readonly stateMs: () => number | undefined;
}

interface Said {
  readonly dateMs: number;
  /** By the clock that does not jump. */
  readonly heardAtMs: number;
}

/** What a `Date` header leaves open: whole seconds, and the way. */
const TOLERANCE_MS = 2000;

/** Whether this host's own clock is behind: by what the buses say, what the state has seen, and when the program was built. */
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
   * Who says that the clock is behind, if that is why an event is too far ahead of it; undefined: nobody does, or the event would be
   * too far ahead of the right time as well. For the operator, with both times.
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
      // A bus that agrees with the witness knows the time to the second, and has nothing to say for this event.
      if (dates.some(({ ms }) => ms >= witness.ms - TOLERANCE_MS)) continue;
      // A clock that was ahead leaves a witness that is ahead. A bus that contradicts it is believed, but for an event that does not.
      if (dates.length > 0 && eventMs < witness.ms) continue;
      return this.accusation(nowMs, witness);
    }
    return undefined;
  }

  /** Who says that the clock is behind by more than `toleratedMs`; undefined: nobody does. */
  accuser(toleratedMs: number): string | undefined {
    const nowMs = this.clock.nowMs();
    const dates = this.dates();
    const bus = dates.find(({ ms }) => ms > nowMs + toleratedMs + TOLERANCE_MS);
    if (bus) return this.accusation(nowMs, bus);
    const witness = this.lowerBounds().find(({ ms }) => ms > nowMs + toleratedMs + TOLERANCE_MS);
    return witness && dates.length === 0 ? this.accusation(nowMs, witness) : undefined;
  }

  /**
   * Who else makes the clock doubtful: a witness that a bus contradicts, or a bus that says that the clock is ahead by more than
   * `toleratedMs`; undefined: nobody does.
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

  /** Later than that it is for sure, but nobody knows by how much. */
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
