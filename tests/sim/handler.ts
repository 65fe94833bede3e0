import { tierText } from "../../src/aggregation/tier.ts";
import { readerFor } from "../../src/codec/mapping/record_reader.ts";
import type { Config } from "../../src/settings/config.ts";
import { runOnce } from "../../src/runtime/once.ts";
import { runService } from "../../src/runtime/service.ts";
import type { Surroundings } from "../../src/runtime/parts.ts";
import { createLogger, type Logger } from "../../src/platform/log/logger.ts";
import type { StateDatabase } from "../../src/state/file/state_database.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import type { FetchRequest } from "../../src/sources/vabus/bus_log.ts";
import { LogSource } from "../../src/sources/vabus/log_source.ts";
import { configFor } from "../ingest/rig.ts";
import type { BusWatcher, SentRequest } from "./bus_watcher.ts";
import { Death } from "./death.ts";
import { LogAudit } from "./log_audit.ts";
import type { Operator } from "./operator.ts";
import type { Job, Scenario, Setup } from "./scenario.ts";
import { Lifetime } from "./scheduler.ts";
import type { SimBus } from "./sim_bus.ts";
import { SimClock } from "./sim_clock.ts";
import { SPELLINGS } from "./spelling.ts";
import { SimTopic } from "./sim_topic.ts";
import type { Sabotage } from "./simulation_options.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** One process of the handler, from its start to its end. */
export interface Process {
  readonly lifetime: Lifetime;
  readonly stop: AbortController;
  readonly job: Job;
  readonly setup: Setup;
  state: StateDatabase | undefined;
  isRunning: boolean;
}

const INSTANCE = "sim";

/** The handler: one process after another, each of which may die at any moment. */
export class Handler {
  /** The present process; undefined: none runs. */
  process: Process | undefined;

  constructor(
    private readonly world: World,
    private readonly operator: Operator,
    private readonly sabotage: Sabotage | undefined,
  ) {}

  /** Starts a process, by settings that the operator may have changed. */
  start(): void {
    const { world, operator } = this;
    const { scheduler, trace, scenario, dice } = world;
    const stop = new AbortController();
    operator.changeSetup();
    const { setup } = operator;
    const forgetSinks = operator.forsaken(setup);
    const process: Process = {
      lifetime: new Lifetime(),
      stop,
      setup,
      job: {
        tiers: dice.pick(scenario.tierLists),
        functions: world.jobDice.pick(scenario.functionRules),
      },
      state: undefined,
      isRunning: false,
    };
    this.process = process;
    world.model.restarted(scheduler.nowMs);
    trace.note(
      "sim",
      `the handler starts, windows of ${
        process.job.tiers.map(tierText)
      } s, functions ${process.job.functions}`,
    );
    world.happens("starts");
    const logger = this.logger(process);
    const config = this.config(process);
    const plain = this.surroundings(process);
    const surroundings = this.sabotage?.surroundings?.(plain) ?? plain;
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

  /** Sends SIGTERM. */
  stop(): void {
    this.world.trace.note("sim", "SIGTERM");
    this.world.happens("stops");
    this.process?.stop.abort();
  }

  /** Kills a process, at the moment that `where` names. */
  kill(process: Process, where: string): void {
    process.lifetime.isOver = true;
    this.world.trace.note("sim", `THE HANDLER IS KILLED (${where})`);
    // Not at once: the dead process may be in the middle of a statement.
    this.world.scheduler.after(0, () => {
      this.bury();
      this.restartSoon();
    });
  }

  /** Closes what the process has left open. */
  bury(): void {
    this.process?.state?.close();
    this.process = undefined;
  }

  private logger({ lifetime }: Process): Logger {
    const { scheduler, trace } = this.world;
    const audit = new LogAudit(() => scheduler.nowMs);
    return createLogger({
      level: trace.isKept ? "debug" : "info",
      format: "text",
      write: (line) => {
        if (lifetime.isOver) return;
        trace.note("log", line);
        const repetition = audit.repetition(line);
        if (repetition !== undefined) this.world.fail(new Violation(repetition));
      },
      now: () => 0,
    });
  }

  private config({ setup, job }: Process): Config {
    const { scenario, stateFile } = this.world;
    const { outboxMaxRows } = this.operator;
    const config = configOf(scenario, setup, stateFile.directory);
    const source = config.sources[0]!;
    const { mapping } = SPELLINGS[scenario.spelling];
    return {
      ...config,
      sources: this.world.buses.map(() => ({ ...source, events: { ...source.events, ...mapping } })),
      intervals: job.tiers,
      functions: job.functions,
      ...(outboxMaxRows !== undefined && { outboxMaxRows }),
    };
  }

  private surroundings(process: Process): Surroundings {
    const { scenario, scheduler } = this.world;
    const { lifetime } = process;
    const rates = () => this.world.rates();
    const crashPoint = (where: string) => this.crashPoint(process, where);
    const reader = () => readerFor(SPELLINGS[scenario.spelling].mapping);
    return {
      clock: new SimClock(scheduler, this.world.wall, lifetime),
      builtAtMs: undefined,
      random: this.world.dice.fork().random,
      openState: (options) => {
        process.state = this.world.disk.open(options, lifetime, {
          crashPoint,
          committed: (state) => this.committed(process, state),
          note: (what) => this.world.trace.note("disk", what),
        });
        return process.state;
      },
      sources: this.world.buses.map((bus) =>
        new LogSource(bus.connect(rates, this.busWatcher(process), lifetime), reader())
      ),
      sinks: process.setup.sinks.map((name) => this.world.connectSink(name, crashPoint, lifetime)),
      delivery: {
        batchMaxAggregates: scenario.writeBatchSize,
        attemptTimeoutMs: scenario.attemptTimeoutMs,
      },
      deadLetterBound: scenario.deadLetterBound,
      rowsAStep: scenario.rowsAStep,
    };
  }

  private busWatcher(process: Process): BusWatcher {
    const { model, scenario, scheduler } = this.world;
    return {
      crashPoint: (where) => this.crashPoint(process, where),
      sends: (bus, request) => this.sends(bus, request),
      looks: (bus, offset) => model.book(bus.name).looks(offset),
      heard: (bus, request, said) =>
        model.book(bus.name).heard(
          request,
          said,
          scheduler.nowMs,
          scenario.isRunByCron,
          process.stop.signal.aborted,
        ),
    };
  }

  private crashPoint(process: Process, where: string): void {
    if (process.lifetime.isOver) return;
    const moment = this.world.moments.get(where) ?? { passed: 0, died: 0 };
    this.world.moments.set(where, moment);
    moment.passed++;
    if (!this.world.dice.chance(this.world.rates().crash)) return;
    moment.died++;
    this.kill(process, where);
  }

  private exited(process: Process, error: unknown): void {
    if (process.lifetime.isOver) return;
    process.lifetime.isOver = true;
    this.world.trace.note(
      "sim",
      error === undefined ? "the handler has ended" : `the handler has ended: ${error}`,
    );
    this.bury();
    // While it runs, a disk that is full or broken is waited out, with what is in memory.
    const isExpected = error === undefined || error instanceof Death ||
      (error instanceof StateError && error.kind === "unwritable" && !process.isRunning);
    if (!isExpected) return this.world.fail(error);
    this.restartSoon();
  }

  private restartSoon(): void {
    const delayMs = this.world.dice.pick([0, 10, 500, 3000, this.world.scenario.isRunByCron ? 2000 : 100]);
    this.world.scheduler.after(delayMs, () => this.start());
  }

  /** Checks that a process acknowledges only what is durable. */
  private sends(bus: SimBus, request: FetchRequest): SentRequest {
    const book = this.world.model.book(bus.name);
    const progress = book.offered();
    const { durable } = book;
    const { ack } = request;
    // 0 acknowledges nothing, to any log.
    if (
      ack !== undefined && ack > 0 &&
      (durable.log !== progress.log || ack > (durable.next ?? 0) || ack > (progress.next ?? 0))
    ) {
      this.world.fail(
        new Violation(
          `${bus.name}: ${ack} of ${progress.log} is acknowledged; durable is ${durable.next} of ` +
            `${durable.log}, read is up to ${progress.next}`,
        ),
      );
    }
    const sent = book.sends(request.offset, this.world.scheduler.nowMs);
    const parting = book.parting();
    if (ack !== undefined && parting !== undefined && ack > parting) {
      this.world.fail(
        new Violation(`${bus.name}: ${ack} is acknowledged, but from ${parting} on it has another history`),
      );
    }
    return sent;
  }

  /** Checks everything after a transaction. A process that has broken something ends. */
  private committed(process: Process, state: StateDatabase): void {
    try {
      this.world.happens("commits");
      this.operator.committed(state);
      this.world.audit.checkpoint(state, process.job, process.setup);
      for (const backend of this.world.backends.values()) {
        const repetition = backend instanceof SimTopic ? backend.repetition : undefined;
        if (repetition !== undefined) throw new Violation(`kafka: ${repetition}`);
      }
    } catch (error) {
      this.world.fail(error);
      process.lifetime.isOver = true;
    }
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
