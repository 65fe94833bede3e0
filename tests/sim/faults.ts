import type { Handler } from "./handler.ts";
import type { Operator } from "./operator.ts";
import type { Prover } from "./prover.ts";
import type { SimBus } from "./sim_bus.ts";
import type { World } from "./world.ts";

/**
 * How far the clock may jump ahead at most. The times in the state are in the past again before the calm is
 * over.
 */
const JUMP_AHEAD_MAX_MS = 120_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Beyond this a clock is far wrong: by more than events may be ahead. */
const FAR_WRONG_MS = 300_000;

/** The faults that are thrown second by second, and what an operator does meanwhile. */
export class Faults {
  constructor(
    private readonly world: World,
    private readonly operator: Operator,
    private readonly prover: Prover,
    private readonly handler: Handler,
  ) {}

  /** Throws what happens in a second. */
  stir(): void {
    const { dice, scenario } = this.world;
    const rates = this.world.rates();
    const { process } = this.handler;
    for (const [number, bus] of this.world.buses.entries()) this.stirBus(number, bus);
    this.stirSinks();
    this.stirDisk();
    this.stirClock();
    if (dice.chance(rates.request)) this.operator.request();
    if (scenario.losesRows && dice.chance(0.05) && !this.prover.isAtWork) this.operator.spoil();
    if (process === undefined || process.lifetime.isOver) return;
    if (dice.chance(0.1) && !this.operator.isSpoilt) this.prover.prove();
    if (dice.chance(rates.stop)) this.handler.stop();
    else if (dice.chance(rates.crash * 10)) this.handler.kill(process, "at any time");
  }

  private stirBus(number: number, bus: SimBus): void {
    const { world } = this;
    const { dice, trace } = world;
    const rates = world.rates();
    if (dice.chance(rates.busAway)) {
      bus.awayUntilMs = this.until(10_000);
      trace.note(bus.name, "away");
      world.happens("bus away");
    }
    // The log changes only once the handler knows it: the handler cannot miss events of a log that it has
    // never heard of.
    if (bus.acknowledged === undefined) return;
    if (dice.chance(rates.busTrimmed)) {
      bus.trimTo(Math.min(bus.next, bus.acknowledged + (dice.chance(0.5) ? dice.between(0, 20) : 0)));
      world.happens("bus trimmed");
    } else if (dice.chance(rates.busRolledBack)) {
      bus.rollBackTo(dice.between(Math.max(bus.first, bus.next - 30), bus.next));
      // The log may grow beyond its former end before the handler reads it again.
      if (dice.chance(0.5)) world.publish(number, dice.between(0, 40));
      world.happens("bus rolled back");
    } else if (dice.chance(rates.busReset)) {
      bus.reset();
      world.happens("bus reset");
    }
  }

  private stirSinks(): void {
    const { world } = this;
    const { dice, trace, weathers } = world;
    const rates = world.rates();
    for (const [name, weather] of weathers) {
      if (dice.chance(rates.sinkAway)) {
        weather.awayUntilMs = this.until(10_000);
        trace.note(name, "away");
        world.happens("sink away");
      }
      if (dice.chance(rates.sinkMisconfigured)) {
        weather.misconfiguredUntilMs = this.until(5000);
        trace.note(name, "misconfigured");
        world.happens("sink misconfigured");
      }
    }
  }

  private stirDisk(): void {
    const { world } = this;
    const { dice, disk } = world;
    if (!dice.chance(world.rates().diskFull)) return;
    if (dice.chance(0.3)) disk.brokenUntilMs = this.until(3000);
    else disk.fullUntilMs = this.until(5000);
    world.happens("disk full or broken");
  }

  private stirClock(): void {
    const { world } = this;
    const { dice, trace, wall } = world;
    if (!dice.chance(world.rates().clockJump)) return;
    const aheadMs = this.wrongness();
    wall.setAhead(aheadMs);
    trace.note("clock", `jumps: ${aheadMs} ms ahead of the truth`);
    world.happens(Math.abs(aheadMs) > FAR_WRONG_MS ? "clock hours or days wrong" : "clock jumps");
  }

  /** Draws by how much the clock is ahead from now on, in milliseconds; negative: behind. */
  private wrongness(): number {
    const { dice, scenario } = this.world;
    if (!scenario.hasWrongClock) {
      return dice.chance(0.5) ? -dice.between(0, scenario.jumpBackMaxMs) : dice.between(0, JUMP_AHEAD_MAX_MS);
    }
    if (dice.chance(0.4)) return 0;
    return scenario.tellsTime && dice.chance(0.5)
      ? dice.between(2 * DAY_MS, 3 * DAY_MS)
      : -dice.between(scenario.maxFutureSkewMs + 10_000, 3 * HOUR_MS);
  }

  /** Draws when a fault ends that begins now; simulated time. */
  private until(longestMs: number): number {
    const { dice, scheduler } = this.world;
    return scheduler.nowMs + dice.between(100, longestMs);
  }
}
