import { DatabaseSync } from "node:sqlite";
import type { Config } from "../../src/settings/config.ts";
import { runOnce } from "../../src/runtime/once.ts";
import { runService } from "../../src/runtime/service.ts";
import type { Surroundings } from "../../src/runtime/parts.ts";
import { createLogger } from "../../src/platform/log/logger.ts";
import type { ReadableSink, Sink } from "../../src/contract/sink.ts";
import { leaveRequest } from "../../src/state/letters/dead_letters.ts";
import { askForRedelivery, END_OF_TIME_MS, hasOpenRedelivery } from "../../src/state/outbox/redelivery.ts";
import { SinkRegistry, waitingRows } from "../../src/state/outbox/sink_registry.ts";
import { StateDatabase } from "../../src/state/file/state_database.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import type { FetchRequest } from "../../src/sources/vabus/bus_log.ts";
import { LogSource } from "../../src/sources/vabus/log_source.ts";
import { configFor } from "../ingest/rig.ts";
import { Audit, type DeadLetterRow } from "./audit.ts";
import { Dice } from "./dice.ts";
import { LogAudit } from "./log_audit.ts";
import { Model } from "./model.ts";
import { Plant } from "./plant.ts";
import {
  drawScenario,
  type FaultRates,
  type Focus,
  type Job,
  type Scenario,
  type Setup,
} from "./scenario.ts";
import { Lifetime, Scheduler } from "./scheduler.ts";
import { type SentRequest, SimBus } from "./sim_bus.ts";
import { SimClock, WallClock } from "./sim_clock.ts";
import { Death, SimDisk } from "./sim_disk.ts";
import { SinkLink, type SinkWeather } from "./sink_link.ts";
import { SimTable } from "./sim_table.ts";
import { SimTopic } from "./sim_topic.ts";
import { Trace } from "./trace.ts";
import { Violation } from "./violation.ts";

/** What a broken variant may change, from outside of the product. */
export interface Sabotage {
  /** Changes the backends behind the sinks. */
  readonly backends?: (backends: ReadonlyMap<string, SimTable | SimTopic>) => void;
  /** Changes what surrounds a process, before it starts. */
  readonly surroundings?: (surroundings: Surroundings) => Surroundings;
  /** Changes the product's own parts for as long as the simulation runs; returns what undoes it. */
  readonly parts?: () => () => void;
  /** The events that are needed for the mistake to show. */
  readonly needs?: Focus;
}

export interface SimulationOptions {
  readonly seed: number;
  /** The directory of the state while the simulation runs, preferably on a file system in memory. */
  readonly directory: string;
  readonly isTraced: boolean;
  readonly sabotage?: Sabotage;
}

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

interface Process {
  readonly lifetime: Lifetime;
  readonly stop: AbortController;
  readonly job: Job;
  readonly setup: Setup;
  state: StateDatabase | undefined;
  isRunning: boolean;
}

const CALM: FaultRates = {
  requestLost: 0,
  replyLost: 0,
  replyTruncated: 0,
  replyStale: 0,
  replySlow: 0,
  busBusy: 0,
  busGarbage: 0,
  busAway: 0,
  busTrimmed: 0,
  busReset: 0,
  busRolledBack: 0,
  sinkFailsBefore: 0,
  sinkFailsAfter: 0,
  sinkHangs: 0,
  sinkSlow: 0,
  sinkAway: 0,
  sinkMisconfigured: 0,
  diskFails: 0,
  diskFull: 0,
  crash: 0,
  stop: 0,
  clockJump: 0,
  request: 0,
};

const TICK_MS = 1000;
/** In the calm everything comes to rest within this time, or never. */
const CALM_MAX_MS = 300_000;
/** After this time of calm, an operator who sees that nothing moves does what /readyz says. */
const OPERATOR_LOOKS_MS = 60_000;
const WIDE_OUTBOX_ROWS = 100_000;
/**
 * How far the clock may jump ahead at most. The times in the state are in the past again before the calm is
 * over.
 */
const JUMP_AHEAD_MAX_MS = 120_000;
/**
 * Rows of windows that began longer ago than this are never spoilt. So they are far from the horizon, which
 * is 60 s at least then.
 */
const LOST_ROWS_MS = 20_000;
const INSTANCE = "sim";
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Beyond this a clock is far wrong: by more than events may be ahead. */
const FAR_WRONG_MS = 300_000;

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

class Simulation {
  private readonly dice: Dice;
  /** Dice of their own for jobs, so that settings do not shift the other throws. */
  private readonly jobDice: Dice;
  private readonly scenario: Scenario;
  private readonly scheduler = new Scheduler();
  private readonly trace: Trace;
  private readonly wall: WallClock;
  private readonly model: Model;
  private readonly audit: Audit;
  private readonly buses: SimBus[];
  private readonly plants: Plant[];
  private readonly backends = new Map<string, SimTable | SimTopic>();
  private readonly weathers = new Map<string, SinkWeather>();
  private readonly disk: SimDisk;
  private readonly moments = new Map<string, { passed: number; died: number }>();
  private readonly happenings = new Map<string, number>();
  private process: Process | undefined;
  private setup: Setup;
  private isCalm = false;
  private isEnding = false;
  /** When everything had come to rest, Unix ms: windows that end later may be open at the end. */
  private restMs = Infinity;
  /** The state that the product's own proof reads; undefined: no proof runs. */
  private proving: StateDatabase | undefined;
  private hasRetriedDeadLetters = false;
  private hasWideOutbox = false;
  /** Others have spoilt rows that are not sent again yet. */
  private isSpoilt = false;
  private violation: string | undefined;
  private events = 0;

  constructor(private readonly options: SimulationOptions, private readonly directory: string) {
    const { seed } = options;
    this.dice = new Dice(seed);
    this.jobDice = new Dice(seed + 1);
    this.scenario = drawScenario(this.dice.fork(), options.sabotage?.needs);
    this.trace = new Trace(this.scheduler, options.isTraced);
    this.wall = new WallClock(this.scheduler);
    const { scenario, scheduler, trace } = this;
    this.buses = Array.from(
      { length: scenario.busCount },
      (_, i) =>
        new SimBus(
          `bus${i}`,
          scheduler,
          this.dice.fork(),
          trace,
          () => scenario.tellsTime ? this.wall.trueMs : undefined,
        ),
    );
    this.plants = this.buses.map((_, bus) => new Plant(bus, scenario, this.dice.fork()));
    this.model = new Model(scenario, this.wall, this.buses);
    for (const name of scenario.sinks) {
      const weather = { awayUntilMs: 0, misconfiguredUntilMs: 0, isPoisoned: scenario.hasPoison };
      this.weathers.set(name, weather);
      this.backends.set(name, name === "kafka" ? new SimTopic(weather) : new SimTable(weather));
    }
    options.sabotage?.backends?.(this.backends);
    this.audit = new Audit(this.model, scenario, this.wall, scheduler);
    this.disk = new SimDisk(scheduler, this.dice.fork(), () => this.rates());
    this.setup = scenario.setups[0]!;
  }

  async run(): Promise<Outcome> {
    const { scenario, scheduler, trace } = this;
    trace.note("sim", `seed ${this.options.seed}: ${JSON.stringify(scenario)}`);
    for (const bus of this.buses.keys()) this.publishSoon(bus);
    this.tickSoon();
    this.start();
    try {
      await scheduler.run(() => this.violation !== undefined || this.isEnding);
      if (this.violation === undefined) await this.close();
    } catch (error) {
      this.fail(error);
    } finally {
      this.bury();
      this.proving?.close();
    }
    this.happenings.set("events put back and accepted", this.model.acceptedAgain);
    this.happenings.set("dead letters dropped", this.audit.deadLettersDropped);
    if (this.violation !== undefined) trace.note("sim", `BROKEN: ${this.violation}`);
    return {
      seed: this.options.seed,
      violation: this.violation,
      trace: trace.lines,
      events: this.events,
      rows: this.model.rows.size,
      steps: scheduler.steps,
      simulatedMs: scheduler.nowMs,
      moments: this.moments,
      happenings: this.happenings,
    };
  }

  private rates(): FaultRates {
    return this.isCalm ? CALM : this.scenario.rates;
  }

  private fail(error: unknown): void {
    if (this.violation !== undefined) return;
    this.violation = error instanceof Violation
      ? error.message
      : error instanceof Error
      ? error.stack ?? error.message
      : String(error);
  }

  private happens(what: string): void {
    this.happenings.set(what, (this.happenings.get(what) ?? 0) + 1);
  }

  // The life of processes.

  private start(): void {
    const { scheduler, trace, scenario, dice } = this;
    const lifetime = new Lifetime();
    const stop = new AbortController();
    this.changeSetup();
    const forgetSinks = this.forsaken(this.setup);
    const process: Process = {
      lifetime,
      stop,
      setup: this.setup,
      job: {
        windowSizeMs: dice.pick(scenario.windowSizesMs),
        functions: this.jobDice.pick(scenario.functionRules),
      },
      state: undefined,
      isRunning: false,
    };
    this.process = process;
    this.model.restarted(scheduler.nowMs);
    trace.note(
      "sim",
      `the handler starts, windows of ${process.job.windowSizeMs} ms, functions ${process.job.functions}`,
    );
    this.happens("starts");
    const audit = new LogAudit(() => scheduler.nowMs);
    const logger = createLogger({
      level: trace.isKept ? "debug" : "info",
      format: "text",
      write: (line) => {
        if (lifetime.isOver) return;
        trace.note("log", line);
        const repetition = audit.repetition(line);
        if (repetition !== undefined) this.fail(new Violation(repetition));
      },
      now: () => 0,
    });
    const config = {
      ...configOf(scenario, this.setup, this.directory),
      aggregationIntervalMs: process.job.windowSizeMs,
      functions: process.job.functions,
      ...(this.hasWideOutbox && { outboxMaxRows: WIDE_OUTBOX_ROWS }),
    };
    const plain = this.surroundings(process);
    const surroundings = this.options.sabotage?.surroundings?.(plain) ?? plain;
    const ended = scenario.isRunByCron
      ? runOnce(config, logger, stop.signal, { forgetSinks, skipTo: [], flush: false }, surroundings)
        .then(() => {})
      : runService(config, logger, stop.signal, {
        forgetSinks,
        skipTo: [],
        onReady: () => process.isRunning = true,
      }, surroundings);
    ended.then(() => this.exited(process, undefined), (error) => this.exited(process, error));
  }

  /** Before a start an operator may change the settings. */
  private changeSetup(): void {
    const { dice, scenario, trace } = this;
    if (this.isCalm || this.isSpoilt || scenario.setups.length === 1 || dice.chance(0.4)) return;
    const next = dice.pick(scenario.setups);
    const forsaken = this.forsaken(next);
    if (forsaken.length > 0 && dice.chance(0.4)) return;
    this.setup = next;
    trace.note("operator", `sinks ${next.sinks}, routes ${next.routes}, forgets ${forsaken}`);
    this.happens("changes of sinks or routes");
    for (const name of forsaken) {
      const backend = this.backends.get(name);
      if (backend instanceof SimTopic) backend.forgotten();
      this.happens("sinks forgotten");
    }
  }

  /**
   * The sinks whose aggregates the operator gives up by these settings. A start that a full disk ended has
   * given up nothing, so the operator repeats the order.
   */
  private forsaken({ sinks }: Setup): string[] {
    return this.read((state) =>
      SinkRegistry.read(state).sinks
        .filter((sink) => !sinks.includes(sink.name) && waitingRows(state, sink) > 0)
        .map(({ name }) => name)
    ) ?? [];
  }

  private surroundings(process: Process): Surroundings {
    const { scenario, scheduler } = this;
    const { lifetime } = process;
    const rates = () => this.rates();
    const crashPoint = (where: string) => this.crashPoint(process, where);
    return {
      clock: new SimClock(scheduler, this.wall, lifetime),
      builtAtMs: undefined,
      random: this.dice.fork().random,
      openState: (options) => {
        process.state = this.disk.open(options, lifetime, {
          crashPoint,
          committed: (state) => this.committed(process, state),
          note: (what) => this.trace.note("disk", what),
        });
        return process.state;
      },
      sources: this.buses.map((bus) =>
        new LogSource(bus.connect(rates, {
          crashPoint,
          sends: (bus, request) => this.sends(bus, request),
          looks: (bus, offset) => this.model.looks(bus.name, offset),
          heard: (bus, request, said) =>
            this.model.heard(
              bus.name,
              request,
              said,
              scheduler.nowMs,
              scenario.isRunByCron,
              process.stop.signal.aborted,
            ),
        }, lifetime))
      ),
      sinks: process.setup.sinks.map((name) => this.connectSink(name, crashPoint, lifetime)),
      delivery: {
        batchMaxAggregates: scenario.writeBatchSize,
        attemptTimeoutMs: scenario.attemptTimeoutMs,
      },
      deadLetterBound: scenario.deadLetterBound,
    };
  }

  private connectSink(name: string, crashPoint: (where: string) => void, lifetime: Lifetime): Sink {
    return this.backends.get(name)!.connect(
      new SinkLink(
        name,
        this.scheduler,
        this.dice.fork(),
        this.trace,
        () => this.rates(),
        this.weathers.get(name)!,
        crashPoint,
        lifetime,
      ),
    );
  }

  private crashPoint(process: Process, where: string): void {
    if (process.lifetime.isOver) return;
    const moment = this.moments.get(where) ?? { passed: 0, died: 0 };
    this.moments.set(where, moment);
    moment.passed++;
    if (!this.dice.chance(this.rates().crash)) return;
    moment.died++;
    this.kill(process, where);
  }

  private kill(process: Process, where: string): void {
    process.lifetime.isOver = true;
    this.trace.note("sim", `THE HANDLER IS KILLED (${where})`);
    // Not at once: the dead process may be in the middle of a statement.
    this.scheduler.after(0, () => {
      this.bury();
      this.restartSoon();
    });
  }

  private exited(process: Process, error: unknown): void {
    if (process.lifetime.isOver) return;
    process.lifetime.isOver = true;
    this.trace.note("sim", error === undefined ? "the handler has ended" : `the handler has ended: ${error}`);
    this.bury();
    // While it runs, a disk that is full or broken is waited out, with what is in memory.
    const isExpected = error === undefined || error instanceof Death ||
      (error instanceof StateError && error.kind === "unwritable" && !process.isRunning);
    if (!isExpected) return this.fail(error);
    this.restartSoon();
  }

  private bury(): void {
    this.process?.state?.close();
    this.process = undefined;
  }

  private restartSoon(): void {
    const delayMs = this.dice.pick([0, 10, 500, 3000, this.scenario.isRunByCron ? 2000 : 100]);
    this.scheduler.after(delayMs, () => this.start());
  }

  // What the product does, as it is seen from outside.

  private sends(bus: SimBus, request: FetchRequest): SentRequest {
    const progress = this.model.offered(bus.name);
    const durable = this.model.durable(bus.name);
    const { ack } = request;
    if (
      ack !== undefined &&
      (durable.log !== progress.log || ack > (durable.next ?? 0) || ack > (progress.next ?? 0))
    ) {
      this.fail(
        new Violation(
          `${bus.name}: ${ack} of ${progress.log} is acknowledged; durable is ${durable.next} of ` +
            `${durable.log}, read is up to ${progress.next}`,
        ),
      );
    }
    const sent = this.model.sends(bus.name, request.offset, this.scheduler.nowMs);
    const parting = this.model.parting(bus.name);
    if (ack !== undefined && parting !== undefined && ack > parting) {
      this.fail(
        new Violation(`${bus.name}: ${ack} is acknowledged, but from ${parting} on it has another history`),
      );
    }
    return sent;
  }

  private committed(process: Process, state: StateDatabase): void {
    try {
      this.happens("commits");
      if (this.isSpoilt) this.isSpoilt = hasOpenRedelivery(state);
      this.audit.checkpoint(state, process.job, process.setup);
      for (const backend of this.backends.values()) {
        const repetition = backend instanceof SimTopic ? backend.repetition : undefined;
        if (repetition !== undefined) throw new Violation(`kafka: ${repetition}`);
      }
    } catch (error) {
      this.fail(error);
      process.lifetime.isOver = true;
    }
  }

  // The world.

  private publishSoon(bus: number): void {
    const pauseMs = Math.ceil(-Math.log(1 - this.dice.random()) * 2000 / this.scenario.eventsPerSecond);
    this.scheduler.after(Math.min(pauseMs, 5000), () => {
      if (this.isCalm) return;
      this.publish(bus, this.dice.between(1, 3));
      this.publishSoon(bus);
    });
  }

  private publish(bus: number, count: number): void {
    for (let i = count; i > 0; i--) {
      this.buses[bus]!.publish(this.plants[bus]!.event(this.wall.trueMs));
      this.events++;
    }
  }

  private tickSoon(): void {
    this.scheduler.after(TICK_MS, () => {
      if (!this.isCalm && this.scheduler.nowMs >= this.scenario.chaosMs) this.becomeCalm();
      if (this.isCalm) this.lookForRest();
      else this.stir();
      this.tickSoon();
    });
  }

  /** What may happen in a second. */
  private stir(): void {
    const { dice, scheduler, trace, process } = this;
    const rates = this.rates();
    const until = (longestMs: number) => scheduler.nowMs + dice.between(100, longestMs);
    for (const [number, bus] of this.buses.entries()) {
      if (dice.chance(rates.busAway)) {
        bus.awayUntilMs = until(10_000);
        trace.note(bus.name, "away");
        this.happens("bus away");
      }
      // The log changes only once the handler knows it: the handler cannot miss events of a log that it has
      // never heard of.
      if (bus.acknowledged === undefined) continue;
      if (dice.chance(rates.busTrimmed)) {
        bus.trimTo(Math.min(bus.next, bus.acknowledged + (dice.chance(0.5) ? dice.between(0, 20) : 0)));
        this.happens("bus trimmed");
      } else if (dice.chance(rates.busRolledBack)) {
        bus.rollBackTo(dice.between(Math.max(bus.first, bus.next - 30), bus.next));
        // The log may grow beyond its former end before the handler reads it again.
        if (dice.chance(0.5)) this.publish(number, dice.between(0, 40));
        this.happens("bus rolled back");
      } else if (dice.chance(rates.busReset)) {
        bus.reset();
        this.happens("bus reset");
      }
    }
    for (const [name, weather] of this.weathers) {
      if (dice.chance(rates.sinkAway)) {
        weather.awayUntilMs = until(10_000);
        trace.note(name, "away");
        this.happens("sink away");
      }
      if (dice.chance(rates.sinkMisconfigured)) {
        weather.misconfiguredUntilMs = until(5000);
        trace.note(name, "misconfigured");
        this.happens("sink misconfigured");
      }
    }
    if (dice.chance(rates.diskFull)) {
      if (dice.chance(0.3)) this.disk.brokenUntilMs = until(3000);
      else this.disk.fullUntilMs = until(5000);
      this.happens("disk full or broken");
    }
    if (dice.chance(rates.clockJump)) {
      const aheadMs = this.wrongness();
      this.wall.setAhead(aheadMs);
      trace.note("clock", `jumps: ${aheadMs} ms ahead of the truth`);
      this.happens(Math.abs(aheadMs) > FAR_WRONG_MS ? "clock hours or days wrong" : "clock jumps");
    }
    if (dice.chance(rates.request)) this.request();
    if (this.scenario.losesRows && dice.chance(0.05)) this.spoil();
    if (process === undefined || process.lifetime.isOver) return;
    if (dice.chance(0.1)) this.prove();
    if (dice.chance(rates.stop)) {
      trace.note("sim", "SIGTERM");
      this.happens("stops");
      process.stop.abort();
    } else if (dice.chance(rates.crash * 10)) {
      this.kill(process, "at any time");
    }
  }

  /** Draws by how much the clock is ahead from now on, in milliseconds; negative: behind. */
  private wrongness(): number {
    const { dice, scenario } = this;
    if (!scenario.hasWrongClock) {
      return dice.chance(0.5) ? -dice.between(0, scenario.jumpBackMaxMs) : dice.between(0, JUMP_AHEAD_MAX_MS);
    }
    if (dice.chance(0.4)) return 0;
    return scenario.tellsTime && dice.chance(0.5)
      ? dice.between(2 * DAY_MS, 3 * DAY_MS)
      : -dice.between(scenario.maxFutureSkewMs + 10_000, 3 * HOUR_MS);
  }

  private becomeCalm(): void {
    this.trace.note("sim", "CALM: nothing goes wrong any more, and nothing new is published");
    this.isCalm = true;
    this.wall.setAhead(0);
    this.disk.fullUntilMs = 0;
    this.disk.brokenUntilMs = 0;
    for (const bus of this.buses) bus.awayUntilMs = 0;
    for (const weather of this.weathers.values()) {
      weather.awayUntilMs = 0;
      weather.misconfiguredUntilMs = 0;
      if (this.scenario.isPoisonRetried) weather.isPoisoned = false;
    }
  }

  private lookForRest(): void {
    const calmMs = this.scheduler.nowMs - this.scenario.chaosMs;
    if (calmMs > OPERATOR_LOOKS_MS) this.widenOutbox();
    if (calmMs > CALM_MAX_MS) {
      return this.fail(
        new Violation(`no rest ${CALM_MAX_MS / 1000} s after the last fault: ${this.unrest()}`),
      );
    }
    if (this.unrest() !== undefined) return;
    if (!this.hasRetriedDeadLetters) {
      this.hasRetriedDeadLetters = true;
      if (this.scenario.isPoisonRetried && this.leaveRequest("retry", "NOT purged AND sink IS NOT NULL", 1)) {
        return;
      }
      if (this.scenario.isChancy && this.leaveRequest("retry", "NOT purged AND sink IS NULL", 1)) return;
    }
    this.isEnding = true;
    this.restMs = this.wall.nowMs;
  }

  /**
   * Where an outbox holds a few rows only, and a sink refuses each of them, no row can show whether the rows
   * or the sink are at fault: the product rightly waits. The operator lets more rows in.
   */
  private widenOutbox(): void {
    if (this.hasWideOutbox || this.scenario.outboxMaxRows >= WIDE_OUTBOX_ROWS) return;
    this.hasWideOutbox = true;
    this.trace.note("operator", `OUTBOX_MAX_ROWS is ${WIDE_OUTBOX_ROWS}`);
    this.happens("outboxes widened");
    this.process?.stop.abort();
  }

  /** What is still to be done; undefined: nothing. */
  private unrest(): string | undefined {
    for (const bus of this.buses) {
      const { log, next } = this.model.durable(bus.name);
      const isBlank = log === undefined && bus.next === 0;
      if (!isBlank && (log !== bus.log || next !== bus.next)) return `${bus.name} is not read to its end`;
    }
    if (!hasState(this.directory)) return undefined;
    // This runs each second, so the state is not opened as the product opens it, which checks all of it.
    const state = new DatabaseSync(statePath(this.directory), { readOnly: true });
    try {
      const waiting = (what: string, sql: string) =>
        state.prepare(`SELECT 1 FROM ${sql} LIMIT 1`).get() === undefined ? undefined : what;
      return waiting("windows are open", `open_page_keys WHERE window_end_ms <= ${this.wall.nowMs}`) ??
        waiting("a request is unfulfilled", "wish") ??
        waiting("rows are to be sent again", "redelivery WHERE NOT done") ??
        waiting(
          "the outbox is not empty",
          "sink WHERE cursor < (SELECT value FROM account WHERE name = 'outbox_end_id')",
        );
    } finally {
      state.close();
    }
  }

  private request(): void {
    const { dice } = this;
    const action = dice.chance(0.8) ? "retry" : "purge";
    const times = dice.chance(0.2) ? 2 : 1;
    for (let i = 0; i < times; i++) this.leaveRequest(action, "NOT purged", dice.chance(0.5) ? 1 : 0.5);
  }

  /** An operator asks for something with some of the dead letters. Returns whether there are any. */
  private leaveRequest(action: "retry" | "purge", condition: string, share: number): boolean {
    if (!hasState(this.directory)) return false;
    const state = StateDatabase.openForRequest(this.directory);
    try {
      const deadLetters = state.all<DeadLetterRow>(
        `SELECT * FROM dead_letter WHERE ${condition} ORDER BY id`,
      ).filter(({ raw }) => this.dice.chance(share) && !(action === "purge" && isChancy(raw)));
      if (deadLetters.length === 0) return false;
      leaveRequest(state, action, deadLetters.map(({ id }) => id));
      this.trace.note("operator", `${action} ${deadLetters.map(({ id }) => id)}`);
      this.happens(`requests to ${action}`);
      this.audit.requested(action, deadLetters);
      return true;
    } finally {
      state.close();
    }
  }

  /** Rows of a table are spoilt, and an operator requests a redelivery. */
  private spoil(): void {
    if (this.proving !== undefined || !hasState(this.directory)) return;
    const state = StateDatabase.openForRequest(this.directory);
    try {
      const tables = SinkRegistry.read(state).sinks.map(({ name }) => name)
        .filter((name) => this.backends.get(name) instanceof SimTable);
      if (tables.length === 0) return;
      const name = this.dice.pick(tables);
      (this.backends.get(name) as SimTable).lose(this.dice, this.wall.trueMs - LOST_ROWS_MS);
      askForRedelivery(state, name, 0, END_OF_TIME_MS);
      this.isSpoilt = true;
      this.trace.note("operator", `redeliver to ${name}, which has lost rows`);
      this.happens("rows lost and sent again");
    } finally {
      state.close();
    }
  }

  /** Runs the product's own proof while everything goes on. */
  private prove(): void {
    if (this.proving !== undefined || this.isSpoilt || !hasState(this.directory)) return;
    const state = this.proving = StateDatabase.openForReading(this.directory);
    this.audit.proof(state, this.provableSinks(state)).catch((error) => {
      this.fail(
        error instanceof Violation
          ? new Violation(`verify, with the handler at work: ${error.message}`)
          : error,
      );
    }).finally(() => {
      this.proving = undefined;
      state.close();
    });
  }

  /** The sinks that the state knows, present and former ones, except Kafka. */
  private provableSinks(state: StateDatabase): ReadableSink[] {
    const quiet = new Lifetime();
    const { sinks, absent } = SinkRegistry.read(state);
    return [...sinks, ...absent].map(({ name }) => name).filter((name) => name !== "kafka")
      .map((name) => this.connectSink(name, () => {}, quiet) as ReadableSink);
  }

  private async close(): Promise<void> {
    const { process } = this;
    if (process !== undefined) {
      process.stop.abort();
      await this.scheduler.run(() => process.lifetime.isOver || this.violation !== undefined);
    }
    this.bury();
    if (this.violation !== undefined || !hasState(this.directory)) return;
    const state = StateDatabase.openForReading(this.directory);
    try {
      let isProven = false;
      const proof = this.audit.proof(state, this.provableSinks(state)).finally(() => isProven = true);
      await Promise.all([proof, this.scheduler.run(() => isProven)]);
      this.audit.end(state, this.backends, this.restMs);
    } finally {
      state.close();
    }
  }

  private read<T>(query: (state: StateDatabase) => T): T | undefined {
    if (!hasState(this.directory)) return undefined;
    const state = StateDatabase.openForReading(this.directory);
    try {
      return query(state);
    } finally {
      state.close();
    }
  }
}

/**
 * Whether the event of a dead letter may still be accepted. Such dead letters are not purged: the state would
 * not show which of the two has happened.
 */
function isChancy(raw: Uint8Array | null): boolean {
  return raw !== null && new TextDecoder().decode(raw).includes('"serial"');
}

function statePath(directory: string): string {
  return `${directory}/state.sqlite`;
}

function hasState(directory: string): boolean {
  try {
    return Deno.statSync(statePath(directory)).isFile;
  } catch {
    return false;
  }
}

function configOf(scenario: Scenario, { sinks, routes }: Setup, directory: string): Config {
  const seconds = (ms: number) => `${ms / 1000}`;
  return configFor(directory, {
    INSTANCE_ID: INSTANCE,
    STORAGE_TYPE: sinks.join(","),
    KAFKA_BOOTSTRAP_SERVERS: "simulated:9092",
    POSTGRES_CONNECTION_STRING: "postgres://simulated/sim",
    ...(routes !== undefined && { ROUTES: routes }),
    ALLOWED_LATENESS: seconds(scenario.allowedLatenessMs),
    CORRECTION_HORIZON: seconds(scenario.correctionHorizonMs),
    IDLE_TIMEOUT: seconds(scenario.idleTimeoutMs),
    MAX_WAIT: seconds(scenario.maxWaitMs),
    CHECKPOINT_INTERVAL: seconds(scenario.checkpointIntervalMs),
    MAX_SERIES: `${scenario.maxSeries}`,
    MAX_FUTURE_SKEW: seconds(scenario.maxFutureSkewMs),
    DEDUP_MAX_IDS: `${scenario.dedupMaxIds}`,
    OUTBOX_MAX_ROWS: `${scenario.outboxMaxRows}`,
    VABUS_BATCH_SIZE: `${scenario.fetchBatchSize}`,
    METRICS_INTERVAL: "0",
    HTTP_LISTEN: "off",
  });
}
