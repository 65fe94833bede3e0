import { StateDatabase } from "../../../src/state/file/state_database.ts";
import type { Outcome } from "../simulation.ts";
import { Lifetime } from "../scheduler.ts";
import { Violation } from "../violation.ts";
import { auditEnd } from "./wire_audit.ts";
import { WireHandler } from "./wire_handler.ts";
import { type WireOptions, WireWorld } from "./wire_world.ts";

const TICK_MS = 1000;
/**
 * In the calm everything comes to rest within this time, or never. A broker that sends two messages of QoS 2
 * at once needs two checkpoints of a second for them.
 */
const CALM_MAX_MS = 300_000;

/**
 * Plays one seed with a handler that reads one server by the product's own client: faults for a while, then
 * calm, and in the end the proof. Deterministic.
 */
export async function simulateWire(options: WireOptions): Promise<Outcome> {
  const directory = Deno.makeTempDirSync({ dir: options.directory, prefix: `seed-${options.seed}-` });
  const undo = options.parts?.();
  try {
    return await new WireSimulation(options, directory).run();
  } finally {
    undo?.();
    Deno.removeSync(directory, { recursive: true });
  }
}

class WireSimulation {
  private readonly world: WireWorld;
  private readonly handler: WireHandler;
  private isAtRest = false;

  constructor(private readonly options: WireOptions, directory: string) {
    this.world = new WireWorld(options, directory);
    this.handler = new WireHandler(this.world);
  }

  async run(): Promise<Outcome> {
    const { handler, world } = this;
    const { scheduler, trace } = world;
    this.tickSoon();
    handler.start();
    try {
      await scheduler.run(() => world.violation !== undefined || this.isAtRest);
      if (world.violation === undefined) await this.close();
    } catch (error) {
      world.fail(error);
    } finally {
      handler.bury();
    }
    if (world.violation !== undefined) trace.note("sim", `BROKEN: ${world.violation}`);
    return {
      seed: this.options.seed,
      violation: world.violation,
      trace: trace.lines,
      events: world.events.length,
      rows: world.table.rows.size,
      steps: scheduler.steps,
      simulatedMs: scheduler.nowMs,
      moments: world.moments,
      happenings: new Map([[`seeds of ${this.options.kind}`, 1]]),
    };
  }

  private tickSoon(): void {
    const { handler, world } = this;
    world.scheduler.after(TICK_MS, () => {
      const calmMs = world.scheduler.nowMs - world.chaosMs;
      if (!world.isCalm && calmMs >= 0) this.becomeCalm();
      if (!world.isCalm) {
        world.stir();
        if (world.dice.chance(world.rates().stop)) handler.stop();
      } else {
        const unrest = this.unrest();
        this.isAtRest = unrest === undefined;
        if (calmMs > CALM_MAX_MS) {
          world.fail(new Violation(`no rest ${CALM_MAX_MS / 1000} s after the last fault: ${unrest}`));
        }
      }
      this.tickSoon();
    });
  }

  private becomeCalm(): void {
    const { world } = this;
    world.trace.note("sim", "CALM: nothing goes wrong any more, and two events more are published");
    world.isCalm = true;
    world.network.awayUntilMs = 0;
    // So late that a session that was lost is there again.
    for (const ms of [30_000, 31_000]) world.scheduler.after(ms, () => world.publish());
  }

  /** What is still to be done; undefined: nothing. */
  private unrest(): string | undefined {
    const { world } = this;
    if (world.scheduler.nowMs < world.chaosMs + 35_000) return "events are still published";
    return world.stateFile.glance((state) => {
      const position = state.prepare("SELECT position FROM source_partition").get()?.position;
      if (!world.bus.isRead(position as string | undefined)) return "the bus is not read to its end";
      const has = (sql: string) => state.prepare(`SELECT 1 FROM ${sql} LIMIT 1`).get() !== undefined;
      if (has("open_page_keys")) return "windows are open";
      return has("sink WHERE cursor < (SELECT value FROM account WHERE name = 'outbox_end_id')")
        ? "the outbox is not empty"
        : undefined;
    });
  }

  private async close(): Promise<void> {
    const { handler, world } = this;
    const { scheduler, stateFile } = world;
    world.isOver = true;
    handler.stop();
    await scheduler.run(() => handler.isDown || world.violation !== undefined);
    if (world.violation !== undefined) return;
    const state = StateDatabase.openForReading(stateFile.directory);
    try {
      let isDone = false;
      const audit = auditEnd(world, state, world.connectTable(() => {}, new Lifetime()))
        .finally(() => isDone = true);
      await Promise.all([audit, scheduler.run(() => isDone)]);
    } finally {
      state.close();
    }
  }
}
