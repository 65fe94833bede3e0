import { createLogger, type Logger } from "../../../src/platform/log/logger.ts";
import { runOnce } from "../../../src/runtime/once.ts";
import type { Surroundings } from "../../../src/runtime/parts.ts";
import { runService } from "../../../src/runtime/service.ts";
import { Books } from "../../../src/state/checkpoint/books.ts";
import type { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { DEAD_LETTER_BOUND } from "../../../src/state/letters/dead_letter_bound.ts";
import { Death } from "../death.ts";
import { Lifetime } from "../scheduler.ts";
import { SimClock } from "../sim_clock.ts";
import { Violation } from "../violation.ts";
import type { WireWorld } from "./wire_world.ts";

/** One process of the handler, from its start to its end. */
interface Process {
  readonly lifetime: Lifetime;
  readonly stop: AbortController;
  state: StateDatabase | undefined;
  isRunning: boolean;
}

/** The handler: one process after another, each of which may die at any moment. */
export class WireHandler {
  private process: Process | undefined;

  constructor(private readonly world: WireWorld) {}

  start(): void {
    const { trace, isRunByCron } = this.world;
    const process: Process = {
      lifetime: new Lifetime(),
      stop: new AbortController(),
      state: undefined,
      isRunning: false,
    };
    this.process = process;
    trace.note("sim", "the handler starts");
    const options = { forgetSinks: [], skipTo: [] };
    const config = this.world.config();
    const surroundings = this.surroundings(process);
    const { signal } = process.stop;
    const logger = this.logger(process);
    const ended = isRunByCron
      ? runOnce(config, logger, signal, { ...options, flush: false }, surroundings).then(() => {})
      : runService(config, logger, signal, {
        ...options,
        onReady: () => process.isRunning = true,
      }, surroundings);
    ended.then(() => this.exited(process, undefined), (error) => this.exited(process, error));
  }

  /** Whether no process runs. */
  get isDown(): boolean {
    return this.process === undefined;
  }

  /** Sends SIGTERM. */
  stop(): void {
    this.world.trace.note("sim", "SIGTERM");
    this.process?.stop.abort();
  }

  /** Closes what the process has left open. */
  bury(): void {
    const { process } = this;
    if (process === undefined) return;
    this.world.network.bury(process.lifetime);
    process.state?.close();
    this.process = undefined;
  }

  private surroundings(process: Process): Surroundings {
    const { world } = this;
    const { lifetime } = process;
    const clock = new SimClock(world.scheduler, world.wall, lifetime);
    const crashPoint = (where: string) => this.crashPoint(process, where);
    const connect = world.network.connector(lifetime, crashPoint);
    return {
      clock,
      builtAtMs: undefined,
      random: world.dice.fork().random,
      openState: (options) =>
        process.state = world.disk.open(options, lifetime, {
          crashPoint,
          committed: (state) => this.committed(process, state),
          note: (what) => world.trace.note("disk", what),
        }),
      sources: [world.bus.source({ clock, connect, endsWhenRead: world.isRunByCron })],
      sinks: [world.connectTable(crashPoint, lifetime)],
      delivery: { batchMaxAggregates: 100, attemptTimeoutMs: 3000 },
      deadLetterBound: DEAD_LETTER_BOUND,
    };
  }

  private logger({ lifetime }: Process): Logger {
    const { trace } = this.world;
    return createLogger({
      level: trace.isKept ? "debug" : "info",
      format: "text",
      write: (line) => {
        if (!lifetime.isOver) trace.note("log", line);
      },
      now: () => 0,
    });
  }

  private crashPoint(process: Process, where: string): void {
    const { dice, moments, scheduler, trace } = this.world;
    if (process.lifetime.isOver) return;
    const moment = moments.get(where) ?? { passed: 0, died: 0 };
    moments.set(where, moment);
    moment.passed++;
    if (!dice.chance(this.world.rates().crash)) return;
    moment.died++;
    process.lifetime.isOver = true;
    trace.note("sim", `THE HANDLER IS KILLED (${where})`);
    // Not at once: the dead process may be in the middle of a statement.
    scheduler.after(0, () => {
      this.bury();
      this.startSoon();
    });
  }

  private exited(process: Process, error: unknown): void {
    if (process.lifetime.isOver) return;
    process.lifetime.isOver = true;
    this.world.trace.note("sim", `the handler has ended${error === undefined ? "" : `: ${error}`}`);
    this.bury();
    // While it runs, a disk that is full or broken is waited out, with what is in memory.
    const isExpected = error === undefined || error instanceof Death ||
      (error instanceof StateError && error.kind === "unwritable" && !process.isRunning);
    if (isExpected) this.startSoon();
    else this.world.fail(error);
  }

  private startSoon(): void {
    const { dice, isRunByCron, scheduler } = this.world;
    scheduler.after(dice.pick([0, 10, 500, isRunByCron ? 2000 : 100]), () => {
      if (!this.world.isOver) this.start();
    });
  }

  /** The books balance after each transaction. */
  private committed(process: Process, state: StateDatabase): void {
    const [partition] = state.all<{ position: string | null }>("SELECT position FROM source_partition");
    if (partition?.position != null) this.world.bus.isBegun = true;
    const faults = new Books(state).faults();
    if (faults.length === 0) return;
    this.world.fail(new Violation(`the books: ${faults.join("; ")}`));
    process.lifetime.isOver = true;
  }
}
