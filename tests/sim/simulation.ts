import { Faults } from "./faults.ts";
import { Handler } from "./handler.ts";
import { Operator } from "./operator.ts";
import { Prover } from "./prover.ts";
import type { SimulationOptions } from "./simulation_options.ts";
import { unrest } from "./unrest.ts";
import { Violation } from "./violation.ts";
import { World } from "./world.ts";

/** How a simulation has ended. */
export interface Outcome {
  readonly seed: number;
  /** What was broken; undefined: nothing. */
  readonly violation: string | undefined;
  readonly trace: readonly string[];
  readonly events: number;
  readonly rows: number;
  readonly steps: number;
  readonly simulatedMs: number;
  /** How often a process could have died at each kind of moment, and how often it did. */
  readonly moments: ReadonlyMap<string, { passed: number; died: number }>;
  /** How often each thing happened besides. */
  readonly happenings: ReadonlyMap<string, number>;
}

const TICK_MS = 1000;
/** In the calm everything comes to rest within this time, or never. */
const CALM_MAX_MS = 300_000;
/** After this time of calm, an operator who sees that nothing moves does what /readyz says. */
const OPERATOR_LOOKS_MS = 60_000;

/** Plays one seed. Deterministic: the same seed does the same, to the last step. */
export async function simulate(options: SimulationOptions): Promise<Outcome> {
  const directory = Deno.makeTempDirSync({ dir: options.directory, prefix: `seed-${options.seed}-` });
  const undo = options.sabotage?.parts?.();
  try {
    return await new Simulation(options, directory).run();
  } finally {
    undo?.();
    Deno.removeSync(directory, { recursive: true });
  }
}

/** The course of one simulation: faults for a while, then calm, and in the end the proof. */
class Simulation {
  private readonly world: World;
  private readonly operator: Operator;
  private readonly prover: Prover;
  private readonly handler: Handler;
  private readonly faults: Faults;
  private isEnding = false;
  /** When everything had come to rest, Unix ms: windows that end later may be open at the end. */
  private restMs = Infinity;

  constructor(private readonly options: SimulationOptions, directory: string) {
    const world = this.world = new World(options, directory);
    this.operator = new Operator(world);
    this.prover = new Prover(world);
    this.handler = new Handler(world, this.operator, options.sabotage);
    this.faults = new Faults(world, this.operator, this.prover, this.handler);
  }

  async run(): Promise<Outcome> {
    const { world } = this;
    const { scenario, scheduler, trace } = world;
    trace.note("sim", `seed ${this.options.seed}: ${JSON.stringify(scenario)}`);
    world.startPublishing();
    this.tickSoon();
    this.handler.start();
    try {
      await scheduler.run(() => world.violation !== undefined || this.isEnding);
      if (world.violation === undefined) await this.close();
    } catch (error) {
      world.fail(error);
    } finally {
      this.handler.bury();
      this.prover.close();
    }
    world.happenings.set("events put back and accepted", world.model.acceptedAgain);
    world.happenings.set("dead letters dropped", world.audit.deadLettersDropped);
    if (world.violation !== undefined) trace.note("sim", `BROKEN: ${world.violation}`);
    return {
      seed: this.options.seed,
      violation: world.violation,
      trace: trace.lines,
      events: world.events,
      rows: world.model.rows.size,
      steps: scheduler.steps,
      simulatedMs: scheduler.nowMs,
      moments: world.moments,
      happenings: world.happenings,
    };
  }

  private tickSoon(): void {
    this.world.scheduler.after(TICK_MS, () => {
      if (!this.world.isCalm && this.world.scheduler.nowMs >= this.world.scenario.chaosMs) {
        this.world.becomeCalm();
      }
      if (this.world.isCalm) this.lookForRest();
      else this.faults.stir();
      this.tickSoon();
    });
  }

  private lookForRest(): void {
    const calmMs = this.world.scheduler.nowMs - this.world.scenario.chaosMs;
    if (calmMs > OPERATOR_LOOKS_MS && this.operator.widenOutbox()) this.handler.process?.stop.abort();
    if (calmMs > 2 * OPERATOR_LOOKS_MS) this.world.removeTrigger();
    if (calmMs > CALM_MAX_MS) {
      return this.world.fail(
        new Violation(`no rest ${CALM_MAX_MS / 1000} s after the last fault: ${unrest(this.world)}`),
      );
    }
    if (unrest(this.world) !== undefined) return;
    if (this.operator.retryDeadLetters()) return;
    this.isEnding = true;
    this.restMs = this.world.wall.nowMs;
  }

  private async close(): Promise<void> {
    const { world } = this;
    const { process } = this.handler;
    if (process !== undefined) {
      process.stop.abort();
      await world.scheduler.run(() => process.lifetime.isOver || world.violation !== undefined);
    }
    this.handler.bury();
    if (world.violation === undefined) await this.prover.proveEnd(this.restMs);
  }
}
