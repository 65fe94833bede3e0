import { type Clock, systemClock } from "../platform/clock/clock.ts";
import type { Config } from "../settings/config.ts";
import { ConfigError } from "../settings/fault.ts";
import type { Source } from "../contract/source.ts";
import type { DrainResult, ReaderOptions } from "../ingest/partition_reader.ts";
import { SourceReader } from "../ingest/source_reader.ts";
import type { Logger } from "../platform/log/logger.ts";
import { Repetitions } from "../platform/log/repetitions.ts";
import { MetricCollector } from "./metric_collector.ts";
import { VabusOutlet } from "./vabus_outlet.ts";
import { Delivery } from "../delivery/delivery.ts";
import { Router } from "../delivery/router.ts";
import { VERSION } from "../version.ts";
import { type Core, openCore } from "./core.ts";
import type {
  HandlerOptions,
  OnceOptions,
  OnceResult,
  ServiceManager,
  ServiceOptions,
} from "./handler_options.ts";
import { Lookout } from "./lookout.ts";
import { MinuteLog } from "./minute_log.ts";
import { NotifySocket } from "./notify_socket.ts";
import { OutageWatch } from "./outage_watch.ts";
import { type ChangingOutlet, type Surroundings, systemSurroundings } from "./parts.ts";
import { alarmsOf, causesOf } from "./readiness.ts";
import { readAgain, type Resettings } from "./resettings.ts";
import { Supervision } from "./supervision.ts";
import { Tasks } from "./tasks.ts";

/** Once the signal has fired, what is in the outbox may take so long to be delivered. */
const SHUTDOWN_DELIVERY_MS = 8000;
const LAST_METRICS_MS = 1000;
/** Longest poll; shorter where `IDLE_TIMEOUT` is, so that idleness is noticed in time. */
const MAX_POLL_SECONDS = 10;

/**
 * Runs until the signal fires: then nothing more is fetched, what is in memory goes into a checkpoint, what is in the outbox
 * is delivered for some seconds, and the state is closed.
 *
 * @throws {StateError} The state is held, damaged or not ours.
 * @throws {ConfigError} `skipTo` names a bus that is not configured.
 */
export async function runService(
  config: Config,
  logger: Logger,
  signal: AbortSignal,
  options: ServiceOptions,
  surroundings?: Surroundings,
): Promise<void> {
  const handler = createHandler(config, logger, options, surroundings);
  try {
    await handler.serve(signal, options);
  } finally {
    await handler.close();
  }
}

/** Fetches what there is, closes what may be closed, delivers. @throws {StateError} */
export async function runOnce(
  config: Config,
  logger: Logger,
  signal: AbortSignal,
  options: OnceOptions,
  surroundings?: Surroundings,
): Promise<OnceResult> {
  const handler = createHandler(config, logger, options, surroundings);
  try {
    return await handler.once(signal, options.flush);
  } finally {
    await handler.close();
  }
}

function createHandler(
  config: Config,
  logger: Logger,
  options: HandlerOptions,
  surroundings: Surroundings | undefined,
): Handler {
  const repetitions = new Repetitions();
  const folded = repetitions.foldComponents(logger);
  return new Handler(
    config,
    folded,
    repetitions,
    options,
    surroundings ?? systemSurroundings(config, folded, options.registry),
  );
}

/** The parts, started from the sinks to the sources and stopped in reverse. */
class Handler {
  private readonly clock: Clock;
  private readonly metrics: MetricCollector;
  private readonly sources: readonly Source[];
  private readonly core: Core;
  private readonly router: Router;
  private readonly readers: readonly SourceReader[];
  private readonly changeSurroundings: Surroundings["change"];
  /** Undefined where nobody asks to be told, or not yet. */
  private supervision: Supervision | undefined;
  private outlet: ChangingOutlet | undefined;
  private readonly openOutlet: Surroundings["outlet"];
  private readonly minuteLog: MinuteLog;
  private readonly outages: OutageWatch;
  private readonly lookout: Lookout;

  constructor(
    private config: Config,
    private readonly logger: Logger,
    private readonly repetitions: Repetitions,
    options: HandlerOptions,
    { clock, builtAtMs, random, sources, sinks, delivery, outlet, openState, deadLetterBound, change }:
      Surroundings,
  ) {
    this.changeSurroundings = change;
    this.openOutlet = outlet;
    this.clock = clock;
    this.sources = sources;
    this.metrics = new MetricCollector();
    this.core = openCore(config, logger, {
      busNames: this.sources.map(({ id }) => id),
      forgetSinks: options.forgetSinks,
      acceptSinks: options.acceptSinks ?? [],
      operator: options.operator,
      clock,
      builtAtMs,
      observer: {
        processed: (seconds) => this.metrics.processed(seconds),
        checkpointed: (seconds) => this.metrics.checkpointed(seconds),
        refused: (event) => this.minuteLog.refused(event),
      },
      openState,
      deadLetterBound,
    });
    const { ingest, outbox } = this.core;
    for (const { bus, offset } of options.skipTo) {
      ingest.giveUpBefore(this.busNamed(bus), offset, options.operator);
    }
    const routerLogger = logger.child("router");
    this.router = new Router(
      sinks.map((sink) => new Delivery(sink, outbox, delivery, clock, random, routerLogger, this.metrics)),
    );
    const ingestLogger = logger.child("ingest");
    this.readers = this.sources.map((source, bus) =>
      new SourceReader(source, bus, ingest, readerOptions(config), clock, random, ingestLogger)
    );
    this.lookout = new Lookout(this.core, this.router, this.metrics, clock);
    const look = () => this.lookout.look();
    this.minuteLog = new MinuteLog(look, clock, logger);
    this.outages = new OutageWatch(this.core.state, look, clock, logger);
  }

  async serve(
    signal: AbortSignal,
    { listen, onReady, serviceManager, resettings, isQuiet }: ServiceOptions,
  ): Promise<void> {
    const { config, logger, router, readers } = this;
    const { ingest } = this.core;
    const outlet = config.metricsIntervalMs === 0 ? undefined : this.createOutlet();
    const look = () => this.lookout.look();
    const listener = listen?.(look);
    const tasks = new Tasks();
    const delivered = tasks.start((stop) => router.run(stop));
    const halt = AbortSignal.any([signal, tasks.failed]);
    const reading = Promise.all([
      ...readers.map((reader) => tasks.start(() => reader.run(halt))),
      tasks.start(() => ingest.keepCheckpointing(halt)),
      ...(isQuiet ? [] : [tasks.start(() => this.minuteLog.run(halt, () => this.tellRepeated()))]),
      ...(outlet ? [tasks.start(() => outlet.run(config.metricsIntervalMs, this.clock.sleep, halt))] : []),
    ]);
    logger.info("started", {
      version: VERSION,
      instance: config.instanceId,
      state: config.stateDir,
      buses: this.sources.map(({ id }) => id).join(","),
      sinks: config.sinks.map(({ id }) => id).join(","),
      admin: listener?.url,
    });
    onReady?.(look, listener);
    const supervised = serviceManager && this.supervise(serviceManager, halt, tasks);
    const reset = resettings && tasks.start(() => this.keepResetting(resettings, halt));
    try {
      await reading;
      this.repetitions.tell();
      tasks.check();
      this.lookout.isStopping = true;
      logger.info("stopping: nothing more is fetched");
      ingest.checkpointNow();
      const lastMetrics = outlet ? [outlet.send(AbortSignal.timeout(LAST_METRICS_MS))] : [];
      const leftovers = await this.deliverTheRest(tasks, delivered, true, lastMetrics);
      if (!isQuiet) this.minuteLog.tell();
      for (const leftover of leftovers) logger.warn(`left for the next start: ${leftover}`);
      logger.info("stopped");
    } finally {
      tasks.stop();
      await delivered;
      await supervised;
      await reset;
      await listener?.close();
    }
  }

  /** Reads the settings again whenever somebody wants it. */
  private async keepResetting(resettings: Resettings, halt: AbortSignal): Promise<void> {
    while (!halt.aborted) {
      await resettings.next(halt);
      if (halt.aborted) return;
      const reset = () => {
        const config = readAgain(this.config, resettings, this.logger);
        if (config !== undefined) this.change(config);
      };
      await (this.supervision ? this.supervision.duringReload(reset) : reset());
    }
  }

  /** Goes on with another configuration of the same buses, sinks and state. */
  private change(next: Config): void {
    this.core.change(next);
    for (const reader of this.readers) reader.change(readerOptions(next));
    this.outlet?.change(next);
    this.router.exchange(this.changeSurroundings?.(this.config, next) ?? []);
    this.config = next;
  }

  async once(signal: AbortSignal, flush: boolean): Promise<OnceResult> {
    const { router, readers } = this;
    const { ingest } = this.core;
    const tasks = new Tasks();
    const delivered = tasks.start((stop) => router.run(stop));
    const halt = AbortSignal.any([signal, tasks.failed]);
    const drainedSignal = new AbortController();
    const checkpointing = tasks.start(() =>
      ingest.keepCheckpointing(AbortSignal.any([halt, drainedSignal.signal]))
    );
    try {
      const drained = await Promise.all(readers.map((reader) => tasks.start(() => reader.drain(halt))));
      drainedSignal.abort();
      await checkpointing;
      tasks.check();
      const reasons = drained.flatMap((result) => whyLeft(result));
      ingest.lookAtRefusals(true);
      // With a bus not read to its end, closing windows early would only make corrections of what it still brings.
      if (!ingest.checkpointNow(flush && reasons.length === 0)) {
        reasons.push(`state: ${ingest.obstacle?.detail ?? "it cannot be written"}`);
      }
      reasons.push(...await this.deliverTheRest(tasks, delivered, signal.aborted));
      this.minuteLog.tell();
      return { complete: reasons.length === 0, reasons, outages: this.outages.note() };
    } finally {
      drainedSignal.abort();
      tasks.stop();
      await delivered;
    }
  }

  /**
   * The end of both ways to run: the sinks get what is in the outbox, the sources hear what is durable, and where the sinks have come to
   * goes into a last checkpoint. Returns why something is left.
   *
   * @param delivered The routers' end. @param isHurried Whether delivery is cut short after some seconds.
   * @param farewells What else is to be sent meanwhile.
   */
  private async deliverTheRest(
    tasks: Tasks,
    delivered: Promise<readonly string[] | undefined>,
    isHurried: boolean,
    farewells: readonly Promise<void>[] = [],
  ): Promise<readonly string[]> {
    const isDelivered = new AbortController();
    if (isHurried) {
      void this.clock.sleep(SHUTDOWN_DELIVERY_MS, isDelivered.signal).then(() => tasks.stop());
    }
    this.router.finish();
    const [leftovers] = await Promise.all([
      delivered,
      ...this.readers.map((reader) => reader.farewell()),
      ...farewells,
    ]);
    isDelivered.abort();
    tasks.check();
    this.core.ingest.checkpointNow();
    return leftovers ?? [];
  }

  private tellRepeated(): void {
    this.repetitions.tell();
    this.outages.tell();
  }

  async close(): Promise<void> {
    this.repetitions.tell();
    this.outlet?.part.close();
    await Promise.all(this.sources.map((source) => source.close()));
    this.core.state.close();
  }

  private busNamed(name: string): number {
    const bus = this.sources.findIndex((source) => source.id === name);
    if (bus >= 0) return bus;
    this.core.state.close();
    throw new ConfigError([{
      subject: "--skip-to",
      value: name,
      problem: "names no bus of VABUS_URL",
      allowed: this.sources.map((source) => source.id).join(", "),
    }]);
  }

  /** A service manager that cannot be told anything is no reason not to work. */
  private async supervise(manager: ServiceManager, halt: AbortSignal, tasks: Tasks): Promise<void> {
    const logger = this.logger.child("supervision");
    let socket: NotifySocket;
    try {
      socket = NotifySocket.open(manager.socket);
    } catch (error) {
      logger.warn("no socket to the service manager can be had (NOTIFY_SOCKET)", {
        error: (error as Error).message,
      });
      return;
    }
    const { ingest } = this.core;
    const pulses = () => [
      ["the checkpoints", ingest.pulse] as const,
      ...this.readers.flatMap((reader) => reader.pulses().map((pulse) => [reader.name, pulse] as const)),
      ...this.router.pulses(),
    ];
    const supervision = this.supervision = new Supervision(
      socket,
      { watchdogMs: manager.watchdogMs, pulses, status: () => this.statusLine() },
      systemClock,
      logger,
    );
    await tasks.start(() => supervision.run(halt));
    supervision.close();
  }

  private statusLine(): string {
    const overview = this.lookout.look();
    const causes = causesOf(overview);
    const figures = `${overview.openWindows} open windows, ${overview.outboxRows} aggregates wait`;
    const findings = [...causes, ...alarmsOf(overview)].map(({ name, detail }) => `${name} (${detail})`);
    return [causes.length === 0 && "works", ...findings, figures].filter(Boolean).join("; ");
  }

  private createOutlet(): VabusOutlet | undefined {
    const outlet = this.outlet = this.openOutlet?.();
    return outlet && new VabusOutlet(
      () => this.lookout.look(),
      (metrics, signal) => outlet.part.post(metrics, signal),
      this.logger.child("metrics"),
    );
  }
}

function readerOptions(config: Config): ReaderOptions {
  return { batchSize: config.batchSize, waitMs: pollSeconds(config) * 1000 };
}

function pollSeconds({ idleTimeoutMs }: Config): number {
  return Math.min(MAX_POLL_SECONDS, Math.max(1, Math.floor(idleTimeoutMs / 1000)));
}

function whyLeft(result: DrainResult | undefined): string[] {
  return result === undefined || result.drained ? [] : [result.reason];
}
