import type { BusBook } from "./bus_book.ts";
import type { SimEvent } from "./plant.ts";
import type { Job } from "./scenario.ts";
import type { WallClock } from "./sim_clock.ts";
import { Violation } from "./violation.ts";

/** The settings that decide on fates. */
export interface FateOptions {
  readonly correctionHorizonMs: number;
  readonly dedupMaxIds: number;
  readonly maxFutureSkewMs: number;
  readonly hasWrongClock: boolean;
  readonly tellsTime: boolean;
}

/** A reason for which an event may be refused, where that depends on the moment. */
export type Chance = "future" | "overflow" | "late";
/** The reasons of refused events, by their texts. */
export type DeadLetters = ReadonlyMap<string, Chance>;

/** What becomes of an event. */
export type Fate = "aggregated" | "duplicate" | "invalid" | "dropped" | Chance;

const DAY_MS = 86_400_000;
/**
 * How far a witness must be ahead of the clock to count: its own tolerance, and what may pass within a
 * transaction.
 */
const WITNESS_TOLERANCE_MS = 4000;

/** Decides what becomes of events, by the contract. */
export class Fates {
  /** The latest that the wall clock has said at any transaction. */
  private clockSeenMs = -Infinity;

  constructor(private readonly options: FateOptions, private readonly wall: WallClock) {}

  /** Notes the wall clock at a transaction. */
  clockSeen(wallMs: number): void {
    this.clockSeenMs = Math.max(this.clockSeenMs, wallMs);
  }

  /**
   * The fate of the next event of a bus, which is noted in its book.
   *
   * @param heardAtMs Simulated time.
   * @throws {Violation}
   */
  of(
    book: BusBook,
    event: SimEvent,
    heardAtMs: number,
    { functions }: Job,
    deadLetters: DeadLetters,
  ): Fate {
    const { correctionHorizonMs, dedupMaxIds } = this.options;
    if (event.kind === "garbled") return "invalid";
    if (functionsOf(event, functions).length === 0) {
      // A dropped event moves event time all the same, except one that is ahead, for which it depends on the
      // clock.
      if (event.kind !== "ahead" || this.options.hasWrongClock) {
        book.greatestMs = Math.max(book.greatestMs, event.timeMs);
      }
      return "dropped";
    }
    if (event.id !== undefined && book.ids.includes(event.id)) return "duplicate";
    const chance = event.isChancy ? deadLetters.get(event.text) : undefined;
    if (this.options.hasWrongClock) {
      const fate = chance ?? "aggregated";
      this.assertAllowed(event, fate, heardAtMs);
      if (fate === "aggregated") book.greatestMs = Math.max(book.greatestMs, event.timeMs);
      return fate;
    }
    if (event.kind === "ahead" || chance === "future") return "future";
    book.greatestMs = Math.max(book.greatestMs, event.timeMs);
    if (event.timeMs <= book.greatestMs - correctionHorizonMs) return "late";
    if (chance === "overflow") return "overflow";
    if (event.id !== undefined) book.ids.push(event.id);
    if (book.ids.length > dedupMaxIds) book.ids.shift();
    return "aggregated";
  }

  /**
   * Checks that a clock that may be wrong can have led to this fate. All that the clock has said since the
   * event was heard counts.
   *
   * @throws {Violation}
   */
  private assertAllowed({ kind, text }: SimEvent, fate: Chance | "aggregated", heardAtMs: number): void {
    const { tellsTime, maxFutureSkewMs } = this.options;
    const { least, most } = this.wall.aheadSince(heardAtMs);
    const wasAhead = most > 0;
    if (fate === "late" && !wasAhead) throw new Violation(`${text} is late, and the clock was not ahead`);
    if (fate === "overflow") throw new Violation(`${text} has overflowed`);
    if (kind === "ahead") {
      if (fate === "aggregated" && most < DAY_MS - maxFutureSkewMs) {
        throw new Violation(`${text} was taken, and the clock was never so far`);
      }
    } else if (fate === "future") {
      const hasWitness = tellsTime || this.clockSeenMs > this.wall.trueMs + most + WITNESS_TOLERANCE_MS;
      if (least >= 0) throw new Violation(`${text} is of the future, and the clock was not behind`);
      if (hasWitness) {
        throw new Violation(`${text} is of the future, and it is known that the clock is behind`);
      }
    }
  }
}

/**
 * The functions of an event by the rules of `AGG_FUNCTIONS`, for the patterns that scenarios have: a name, or
 * a beginning and `*`.
 */
export function functionsOf({ name, aggFunc, isUnnamed }: SimEvent, rules: string): readonly string[] {
  if (!isUnnamed) return [aggFunc];
  for (const rule of rules.split(";")) {
    const [pattern, functions] = rule.split("=") as [string, string];
    const isMatch = pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
    if (isMatch) return functions === "none" ? [] : functions.split(",");
  }
  return ["sum"];
}
