import type { Dice } from "./dice.ts";
import type { Scenario } from "./scenario.ts";
import { type Fields, type Spelling, SPELLINGS } from "./spelling.ts";

/** An event as it is published, and what it means. */
export interface SimEvent {
  /** Its record, as a dead letter holds it. */
  readonly text: string;
  /** Whether the bus has that text in quotes. */
  readonly isInQuotes?: boolean;
  /**
   * `garbled`: no event by the rules of the contract. `ahead`: stamped days ahead. `good`: everything else.
   */
  readonly kind: "good" | "garbled" | "ahead";
  /** Whether its fate depends on the moment at which it is handled. Its text is unique then. */
  readonly isChancy: boolean;
  readonly name: string;
  /** Canonical; not there: it has none. */
  readonly labels?: string;
  readonly aggFunc: string;
  /** Whether it names no function, so that the rules for functions decide. */
  readonly isUnnamed: boolean;
  readonly value: number;
  readonly timeMs: number;
  readonly id: string | undefined;
}

const FUNCTIONS = ["sum", "avg", "min", "max", "count", "first", "last", "stddev", "p50", "p99.9"];
const ORDERLESS = FUNCTIONS.filter((name) => name !== "first" && name !== "last");
/** Where rows are corrected often. */
const FEW = ["sum", "max"];
const OFTEN_CORRECTED_MS = 15_000;
const DAY_MS = 86_400_000;
/** Names that sinks reject while they are poisoned. */
export const POISON = "poison";

/**
 * What the devices on one bus publish: in order and out of it, late, far too late, ahead, twice, and garbage.
 */
export class Plant {
  private greatestMs = -Infinity;
  private readonly withId: SimEvent[] = [];
  private readonly spelling: Spelling;
  private nextId = 0;

  constructor(
    private readonly bus: number,
    private readonly scenario: Scenario,
    private readonly dice: Dice,
  ) {
    this.spelling = SPELLINGS[scenario.spelling];
  }

  /** @param nowMs True time, Unix ms. */
  event(nowMs: number): SimEvent {
    const { dice } = this;
    const draw = dice.random();
    if (draw < 0.04) return garbled(dice, this.spelling, nowMs);
    if (draw < 0.1 && !this.scenario.isChancy && this.withId.length > 0) {
      return dice.pick(this.withId.slice(-12));
    }
    const isAhead = draw > 0.97;
    if (this.scenario.hasWrongClock) return this.plain(nowMs, isAhead);
    if (this.scenario.hasDawn && !isAhead) return this.chancy(nowMs, draw < 0.2);
    const timeMs = isAhead ? nowMs + DAY_MS + dice.between(0, 1000) : this.timeOf(nowMs);
    if (!isAhead) this.greatestMs = Math.max(this.greatestMs, timeMs);
    const isRepeated = dice.chance(0.3) && this.spelling.hasFunctions;
    const id = isRepeated ? `b${this.bus}-${this.nextId++}` : undefined;
    const event = this.good(timeMs, isAhead ? "ahead" : "good", id);
    if (id !== undefined) this.withId.push(event);
    return event;
  }

  /** An event for a clock that may be wrong: a minute old at most, or a day ahead. */
  private plain(nowMs: number, isAhead: boolean): SimEvent {
    const { dice } = this;
    const ageMs = dice.chance(0.7) ? dice.between(0, 300) : dice.between(0, 60_000);
    const timeMs = isAhead ? nowMs + DAY_MS + dice.between(0, 1000) : nowMs - ageMs;
    return this.chancyEvent(timeMs, isAhead ? "ahead" : "good");
  }

  private timeOf(nowMs: number): number {
    const { dice } = this;
    const { correctionHorizonMs: horizonMs, tierLists } = this.scenario;
    const windowMs = tierLists[0]![0]!.lengthMs;
    const draw = dice.random();
    if (this.scenario.isOftenCorrected && draw > 0.6) return nowMs - dice.between(0, OFTEN_CORRECTED_MS);
    if (this.scenario.hasDawn && draw > 0.8) {
      return nowMs -
        (dice.chance(0.7) ? dice.between(0, 1_000_000) : horizonMs + dice.between(200_000, 300_000));
    }
    if (draw < 0.6) return nowMs - dice.between(0, 300);
    if (draw < 0.75) return nowMs - dice.between(0, 3000);
    // The edges of windows and of the horizon, to the millisecond.
    if (draw < 0.82) return Math.floor(nowMs / windowMs) * windowMs - dice.between(0, 1);
    if (draw < 0.88 && this.greatestMs > 0) return this.greatestMs - horizonMs + dice.between(-1, 1);
    if (draw < 0.95) return nowMs - dice.between(0, horizonMs);
    return nowMs - horizonMs - dice.between(0, 5000);
  }

  /** @param isDawning Stamped about as far ahead as is allowed. */
  private chancy(nowMs: number, isDawning: boolean): SimEvent {
    const { dice, scenario } = this;
    const timeMs = isDawning
      ? nowMs + scenario.maxFutureSkewMs + dice.between(-8000, 12_000)
      : this.timeOf(nowMs);
    return this.chancyEvent(timeMs, "good");
  }

  private chancyEvent(timeMs: number, kind: SimEvent["kind"]): SimEvent {
    const event = this.good(timeMs, kind, undefined, `b${this.bus}-${this.nextId++}`);
    return { ...event, isChancy: true };
  }

  private good(
    timeMs: number,
    kind: SimEvent["kind"],
    id: string | undefined,
    serial?: string,
  ): SimEvent {
    const { dice, scenario, spelling } = this;
    const isPoison = scenario.hasPoison && dice.chance(0.15);
    const name = isPoison ? POISON : `n${dice.between(0, scenario.nameCount - 1)}`;
    // Events that are put back come in an order that only the handler knows, so no function may depend on it.
    const functions = scenario.isOftenCorrected ? FEW : scenario.isChancy ? ORDERLESS : FUNCTIONS;
    const aggFunc = dice.pick(functions);
    // Eighths: sums of them are exact in whatever order. Only a sum may overflow.
    const isHuge = dice.chance(0.01) && aggFunc === "sum";
    const value = isHuge && spelling.hasFunctions ? 1.7e308 : dice.between(-8000, 8000) / 8;
    // Chosen by the time, so that no further throw of the dice shifts the others.
    const isUnnamed = !spelling.hasFunctions || (Math.round(timeMs) % 3 === 0 && Math.abs(value) < 1e300);
    const [swapped, other, canonical] = spelling.labels;
    // Chosen by the time, for the same reason.
    const labels = [undefined, swapped, undefined, other, undefined, canonical][Math.round(timeMs) % 8];
    const fields: Fields = {
      name,
      value,
      timeMs,
      aggFunc: isUnnamed ? undefined : aggFunc,
      id,
      labels,
      hasUnit: dice.chance(0.05),
      ...(serial !== undefined && { serial }),
    };
    return {
      text: spelling.write(fields),
      isInQuotes: spelling.isText,
      kind,
      isChancy: false,
      name,
      ...(labels !== undefined && { labels: labels.canonical }),
      aggFunc,
      isUnnamed,
      value,
      timeMs,
      id,
    };
  }
}

function garbled(dice: Dice, spelling: Spelling, nowMs: number): SimEvent {
  return {
    text: dice.pick(spelling.garbled(nowMs)),
    isInQuotes: spelling.isText,
    kind: "garbled",
    isChancy: false,
    name: "",
    aggFunc: "",
    isUnnamed: false,
    value: NaN,
    timeMs: NaN,
    id: undefined,
  };
}
