import type { Tier } from "../../src/aggregation/tier.ts";
import { DEAD_LETTER_BOUND, type DeadLetterBound } from "../../src/state/letters/dead_letter_bound.ts";
import type { Dice } from "./dice.ts";
import type { SPELLINGS } from "./spelling.ts";

/** Probabilities of faults, each for one occasion; 0: not in the scenario. */
export interface FaultRates {
  /** For each fetch, up to `busGarbage`. */
  readonly requestLost: number;
  readonly replyLost: number;
  readonly replyTruncated: number;
  /** An old reply comes instead of the right one. */
  readonly replyStale: number;
  readonly replySlow: number;
  readonly busBusy: number;
  readonly busGarbage: number;
  /** For each second of a bus, up to `busRolledBack`. */
  readonly busAway: number;
  readonly busTrimmed: number;
  readonly busReset: number;
  /** The bus loses the end of its log, and goes on with the same identity. */
  readonly busRolledBack: number;
  /** For each write to a sink and each opening, up to `sinkSlow`. */
  readonly sinkFailsBefore: number;
  readonly sinkFailsAfter: number;
  readonly sinkHangs: number;
  readonly sinkSlow: number;
  /** For each second of a sink, up to `sinkMisconfigured`. */
  readonly sinkAway: number;
  readonly sinkMisconfigured: number;
  /** For each transaction. */
  readonly diskFails: number;
  /** For each second: nothing can be written for a while. */
  readonly diskFull: number;
  /** For each moment at which a process can die. */
  readonly crash: number;
  /** For each second, up to `request`. */
  readonly stop: number;
  readonly clockJump: number;
  readonly request: number;
}

/** What is configured for one start of the handler. */
export interface Setup {
  readonly sinks: readonly string[];
  readonly routes: string | undefined;
}

/** The settings by which one start of the handler aggregates events. */
export interface Job {
  /** The windows of `AGGREGATION_INTERVAL`. */
  readonly tiers: readonly Tier[];
  /** The text of `AGG_FUNCTIONS`. */
  readonly functions: string;
}

/** The parameters of a simulation that a seed decides. Durations in milliseconds. */
export interface Scenario {
  readonly busCount: number;
  /**
   * The names of all sinks that there ever are: `kafka` keeps its position with its records, `postgres` and
   * `sqlite` do not.
   */
  readonly sinks: readonly string[];
  /** Setups that starts of the handler choose from. */
  readonly setups: readonly Setup[];
  /** The intervals that starts of the handler choose from; the first of each is its shortest. */
  readonly tierLists: readonly (readonly Tier[])[];
  /** Rules for functions that starts of the handler choose from; all of them drop the same names. */
  readonly functionRules: readonly string[];
  /** How events are written on all buses. */
  readonly spelling: keyof typeof SPELLINGS;
  readonly allowedLatenessMs: number;
  /**
   * At least a window and the allowed lateness, so that what is too late does not depend on when windows
   * close.
   */
  readonly correctionHorizonMs: number;
  readonly idleTimeoutMs: number;
  readonly maxWaitMs: number;
  readonly checkpointIntervalMs: number;
  readonly dedupMaxIds: number;
  readonly outboxMaxRows: number;
  readonly fetchBatchSize: number;
  readonly writeBatchSize: number;
  readonly attemptTimeoutMs: number;
  /** More than the clock may go back, so that no honest device's clock is too far ahead of the host's. */
  readonly maxFutureSkewMs: number;
  /**
   * How far the clock may go back at most. Which events are late depends on it, so it is 0 where the model
   * must know that to the millisecond.
   */
  readonly jumpBackMaxMs: number;
  /**
   * Whether some events are stamped so that it depends on the clock whether they are refused as future. They
   * are accepted when an operator puts them back. The horizon is far away then, since they would else make
   * other events late by chance.
   */
  readonly hasDawn: boolean;
  /**
   * Whether the own clock is hours behind or days ahead for a while. What the handler makes of an event then
   * depends on the moment, within what the contract allows. The horizon is far away, and no bus or sink stays
   * away for as long as it is.
   */
  readonly hasWrongClock: boolean;
  /**
   * Whether the buses say what time it is. Where they do not, the clock is never days ahead: after it was set
   * right, reading would stop for as long.
   */
  readonly tellsTime: boolean;
  /** Whether it depends on the moment what becomes of an event. */
  readonly isChancy: boolean;
  /** The limit of open series. Where it is small, which events are refused depends on what else is open. */
  readonly maxSeries: number;
  /**
   * Small only where no event can be accepted later: the state would not show whether a dead letter was
   * accepted or dropped.
   */
  readonly deadLetterBound: DeadLetterBound;
  /** Where it is small, windows are closed in turns. */
  readonly rowsAStep: number;
  /** Whether the handler runs from cron: each process ends by itself once there is nothing to do. */
  readonly isRunByCron: boolean;
  /** Whether events are of few series, and late ones of few windows: so rows are corrected often. */
  readonly isOftenCorrected: boolean;
  /** Whether sinks reject the aggregates of some names, until the calm. */
  readonly hasPoison: boolean;
  /** Whether an operator puts rejected aggregates back in the calm. */
  readonly isPoisonRetried: boolean;
  /**
   * Whether others delete and change rows of SQL sinks, which an operator has sent again; only where the
   * horizon is far.
   */
  readonly losesRows: boolean;
  /** How long faults happen. A calm follows, in which everything must come to rest. */
  readonly chaosMs: number;
  readonly eventsPerSecond: number;
  readonly nameCount: number;
  readonly rates: FaultRates;
}

const SINK_SETS = [["postgres"], ["kafka"], ["kafka", "postgres"], ["kafka", "postgres", "sqlite"]];

/**
 * What happens for certain: `changes`: routes change, and sinks come and go; `losses`: others delete and
 * change rows of SQL sinks, which are sent again while processes die and sinks fail.
 */
export type Focus = "changes" | "losses";

export function drawScenario(dice: Dice, focus?: Focus): Scenario {
  const hasChanges = focus === "changes";
  const hasLosses = focus === "losses";
  const sinks = dice.pick(SINK_SETS);
  const windowSizesMs = Array.from(
    { length: dice.chance(0.2) ? 2 : 1 },
    () => dice.pick([500, 1000, 2000, 5000]),
  );
  const allowedLatenessMs = dice.pick([0, 0, 500, 2000]);
  const hasDawn = !hasLosses && dice.chance(0.2);
  const setups = drawSetups(dice, sinks, hasChanges);
  const hasWrongClock = !hasDawn && !hasLosses && dice.chance(0.25);
  const isChancy = hasDawn || hasWrongClock;
  const rates = {
    ...drawRates(dice),
    ...(hasWrongClock && { clockJump: dice.pick([0.1, 0.3]) }),
    ...(hasLosses && { crash: 0.01, sinkFailsBefore: 0.3, sinkAway: 0.1 }),
  };
  const spareMs = isChancy ? undefined : dice.pick(focus ? [60_000] : [0, 1000, 5000, 60_000]);
  const drawn = {
    busCount: dice.pick([1, 1, 2, 3]),
    sinks,
    setups,
    allowedLatenessMs,
    maxFutureSkewMs: hasDawn ? 30_000 : 300_000,
    jumpBackMaxMs: hasDawn ? 15_000 : 0,
    hasDawn,
    hasWrongClock,
    tellsTime: hasWrongClock ? dice.chance(0.7) : true,
    isChancy,
    maxSeries: hasDawn ? dice.pick([4, 12, 1_000_000]) : 1_000_000,
    idleTimeoutMs: dice.pick([1000, 2000, 5000]),
    maxWaitMs: dice.pick([2000, 10_000]),
    checkpointIntervalMs: dice.pick([100, 500, 1000]),
    dedupMaxIds: dice.pick([1, 4, 16, 1000, 1000]),
    outboxMaxRows: dice.pick([5, 50, 100_000]),
    fetchBatchSize: dice.pick([1, 3, 10, 100]),
    writeBatchSize: dice.pick([1, 4, 100]),
    attemptTimeoutMs: dice.pick([1000, 3000]),
    deadLetterBound: isChancy ? DEAD_LETTER_BOUND : dice.pick([
      DEAD_LETTER_BOUND,
      { deadLetters: 3, bytes: 1e6 },
      { deadLetters: 20, bytes: 1000 },
    ]),
    isRunByCron: dice.chance(0.15),
    hasPoison: dice.chance(0.3),
    isPoisonRetried: dice.chance(0.6),
    losesRows: spareMs === 60_000 && !hasChanges && (hasLosses || dice.chance(0.5)),
    chaosMs: dice.between(8, 30) * 1000,
    eventsPerSecond: dice.pick([2, 5, 10]),
    nameCount: hasChanges ? 3 : dice.pick([1, 3, 8]),
    // Drawn last, so that the other throws stay the same.
    functionRules: drawFunctionRules(dice),
    rates: setups.length === 1 ? rates : { ...rates, stop: hasChanges ? 0.5 : 0.15 },
  };
  const tierLists = drawTiers(dice, windowSizesMs);
  const longestMs = Math.max(...tierLists.flat().map(({ lengthMs }) => lengthMs));
  const correctionHorizonMs = spareMs === undefined ? 3_600_000 : longestMs + allowedLatenessMs + spareMs;
  const spelling = dice.pick(["protocol", "protocol", "nested", "lines"] as const);
  const isOftenCorrected = hasChanges && dice.chance(0.7);
  const isCsv = dice.chance(0.2);
  const rowsAStep = dice.pick([1, 4096]);
  const spellingNow = isCsv ? "rows" : spelling;
  return { ...drawn, tierLists, correctionHorizonMs, spelling: spellingNow, isOftenCorrected, rowsAStep };
}

/** Each fault happens in half of the scenarios: some bugs show only where others do not get in their way. */
function drawRates(dice: Dice): FaultRates {
  const rate = (...choices: number[]) => dice.chance(0.5) ? dice.pick(choices) : 0;
  return {
    requestLost: rate(0.02, 0.1),
    replyLost: rate(0.02, 0.1),
    replyTruncated: rate(0.02, 0.1),
    replyStale: rate(0.02, 0.2),
    replySlow: rate(0.05, 0.2),
    busBusy: rate(0.02, 0.1),
    busGarbage: rate(0.02),
    busAway: rate(0.02, 0.1),
    busTrimmed: rate(0.05, 0.2),
    busReset: rate(0.02, 0.05),
    busRolledBack: dice.chance(0.5) ? rate(0.05) : 0,
    sinkFailsBefore: rate(0.02, 0.2),
    sinkFailsAfter: rate(0.05, 0.3),
    sinkHangs: rate(0.02, 0.1),
    sinkSlow: rate(0.05, 0.3),
    sinkAway: rate(0.03, 0.1),
    sinkMisconfigured: rate(0.02),
    diskFails: rate(0.01, 0.1),
    diskFull: rate(0.02, 0.05),
    crash: rate(0.0005, 0.003, 0.01),
    stop: rate(0.03, 0.1),
    clockJump: rate(0.03, 0.1),
    request: rate(0.1, 0.5),
  };
}

/** In a third of the scenarios routes change, and sinks come and go. */
function drawSetups(dice: Dice, sinks: readonly string[], hasChanges: boolean): readonly Setup[] {
  const some = () => {
    const chosen = sinks.filter(() => dice.chance(0.6));
    return chosen.length > 0 ? chosen : sinks;
  };
  const setup = (own: readonly string[]): Setup => ({
    sinks: own,
    routes: drawRoutes(dice, own, hasChanges),
  });
  if (dice.chance(0.65) && !hasChanges) return [setup(sinks)];
  return Array.from({ length: dice.between(2, 4) }, () => setup(some()));
}

/** In half of the scenarios each start has one interval only. */
function drawTiers(dice: Dice, windowSizesMs: readonly number[]): readonly (readonly Tier[])[] {
  const hasSeveral = dice.chance(0.5);
  return windowSizesMs.map((lengthMs) => {
    const shortest = { lengthMs, hopMs: lengthMs };
    if (!hasSeveral) return [shortest];
    const longer = [
      { lengthMs: 2 * lengthMs, hopMs: 2 * lengthMs },
      { lengthMs: 3 * lengthMs, hopMs: lengthMs },
      { lengthMs: 6 * lengthMs, hopMs: 2 * lengthMs },
    ].filter(() => dice.chance(0.5));
    return [dice.chance(0.2) ? { lengthMs, hopMs: lengthMs / 2 } : shortest, ...longer];
  });
}

/** In half of the scenarios there are none but the default. No function depends on the order of events. */
function drawFunctionRules(dice: Dice): readonly string[] {
  if (dice.chance(0.5)) return ["*=sum"];
  // What is refused by one start may be put back in another.
  const dropping = dice.chance(0.4) ? "n1=none;" : "";
  const rest = ["n0=sum,max,count;*=avg", "n*=min,p50;*=max", "n2=stddev;poison=sum,avg", "*=count,sum,max"];
  return Array.from({ length: dice.between(1, 3) }, () => dropping + dice.pick(rest));
}

function drawRoutes(dice: Dice, sinks: readonly string[], isCertain: boolean): string | undefined {
  if (dice.chance(0.7) && !isCertain) return undefined;
  const some = () => dice.chance(0.2) ? "none" : sinks.filter(() => dice.chance(0.6)).join(",") || "none";
  return `n1*=${some()};n2*=${some()};*=${sinks.join(",")}`;
}
