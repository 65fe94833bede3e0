import type { Source } from "../contract/source.ts";
import { Delivery } from "../delivery/delivery.ts";
import { DeliveryTraces } from "../delivery/delivery_traces.ts";
import { Router } from "../delivery/router.ts";
import { EventTap } from "../ingest/event_tap.ts";
import { IngestTraces } from "../ingest/ingest_traces.ts";
import type { ReaderOptions } from "../ingest/partition_reader.ts";
import { SeriesTroubles } from "../ingest/series_troubles.ts";
import { SharedContents } from "../ingest/shared_contents.ts";
import { SourceReader } from "../ingest/source_reader.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";
import { Repetitions } from "../platform/log/repetitions.ts";
import { RangedSpans } from "../platform/telemetry/ranged_spans.ts";
import type { Tracing } from "../platform/telemetry/tracing.ts";
import type { Config } from "../settings/config.ts";
import { ConfigError } from "../settings/fault.ts";
import { isOf, type Pausable, type Pause, pauseInWords, readPauses } from "../state/pauses.ts";
import { type Core, openCore } from "./core.ts";
import type { HandlerOptions } from "./handler_options.ts";
import { Lookout } from "./lookout.ts";
import { MetricCollector } from "./metric_collector.ts";
import { MinuteLog } from "./minute_log.ts";
import { OutageWatch } from "./outage_watch.ts";
import { Pauses } from "./pauses.ts";
import { type Surroundings, systemSurroundings } from "./parts.ts";
import { ReceiverWatch } from "./receiver_watch.ts";
import { StandingKeeper } from "./standing_keeper.ts";
import { Tasks } from "./tasks.ts";

/** How long the outbox may still be delivered once the signal has fired. */
const SHUTDOWN_DELIVERY_MS = 8000;
/** How long the receiver of OpenTelemetry may take for the last metrics. */
const LAST_TELEMETRY_MS = 2000;
/** Closings whose spans are remembered until what they have produced is delivered. */
const CLOSINGS_MAX = 4096;
/** Longest poll. It is shorter where `IDLE_TIMEOUT` is, so that idleness is noticed in time. */
const MAX_POLL_SECONDS = 10;

/**
 * The parts of a handler, and what both ways to run share: delivery starts before reading and ends after it.
 * {@link Service} and `runOnce` decide what is read, and for how long.
 */
export class Handler {
  readonly core: Core;
  readonly lookout: Lookout;
  readonly minuteLog: MinuteLog;
  readonly outages: OutageWatch;
  readonly standing: StandingKeeper;
  readonly readers: readonly SourceReader[];
  readonly router: Router;
  readonly pauses: Pauses;
  readonly tasks = new Tasks();
  private readonly sources: readonly Source[];
  readonly metrics = new MetricCollector();
  readonly tap = new EventTap();
  readonly troubles = new SeriesTroubles();
  /** The spans of the closings of windows, by the outbox ids of what they have produced. */
  private readonly closings = new RangedSpans(CLOSINGS_MAX);
  /** The routers' end, with what is left for each sink; undefined before {@link deliver}. */
  private delivered: Promise<readonly string[] | undefined> | undefined;

  private constructor(
    public config: Config,
    readonly logger: Logger,
    readonly repetitions: Repetitions,
    private readonly options: HandlerOptions,
    readonly surroundings: Surroundings,
  ) {
    const { clock, random, sources } = surroundings;
    this.sources = sources;
    this.core = this.open(options);
    const { ingest } = this.core;
    for (const { bus, offset } of options.skipTo) {
      if (ingest.giveUpBefore(this.busNamed(bus), offset, options.operator)) continue;
      this.core.state.close();
      throw new ConfigError([{
        subject: "--skip-to",
        value: `${bus}=${offset}`,
        problem: "cannot be done: the positions of this bus are no offsets",
        allowed: "buses with one log, whose events are numbered",
      }]);
    }
    this.router = new Router(this.deliveries(options.telemetry?.tracing));
    const [ingestLogger, contents] = [logger.child("ingest"), new SharedContents(sources.length)];
    this.readers = sources.map((source, bus) =>
      new SourceReader(source, bus, ingest, readerOptions(config), clock, random, ingestLogger, contents)
    );
    this.pauses = this.openPauses();
    this.lookout = new Lookout(this.core, this.router, this.metrics, clock, {
      config: () => this.config,
      machine: surroundings.machine,
      pauses: () => this.pauses.all,
      troubles: this.troubles,
    });
    const look = () => this.lookout.look();
    this.minuteLog = new MinuteLog(look, clock, logger);
    const watched = () => ({ sources: ingest.sources, sinks: this.router.standings() });
    this.outages = new OutageWatch(this.core.state, watched, clock, logger);
    this.standing = new StandingKeeper(this.core.state, () => this.lookout.standing(), clock);
    this.standing.forget();
  }

  /**
   * @throws {StateError} The state is held, damaged or not ours.
   * @throws {ConfigError} `skipTo` names a bus that is not configured, or one without offsets.
   */
  static async create(
    config: Config,
    logger: Logger,
    options: HandlerOptions,
    surroundings: Surroundings | undefined,
  ): Promise<Handler> {
    const repetitions = new Repetitions();
    const folded = repetitions.foldComponents(logger);
    const world = surroundings ?? await systemSurroundings(config, folded, options.registry, {
      endsWhenRead: options.endsWhenRead,
      takesOver: options.takeOver,
    });
    return new Handler(config, folded, repetitions, options, world);
  }

  get clock(): Clock {
    return this.surroundings.clock;
  }

  /** The names of the buses. */
  get busNames(): string[] {
    return this.sources.map(({ id }) => id);
  }

  /**
   * Sends the metrics to the receiver of OpenTelemetry, and says whether it takes what is sent, until the
   * signal fires.
   */
  async watchReceiver(signal: AbortSignal): Promise<void> {
    const { config: { telemetry: settings }, options: { telemetry } } = this;
    if (telemetry === undefined || settings === undefined) return;
    const asks = [telemetry.tryReceiver, (signal: AbortSignal) => this.sendMetrics(signal)];
    await new ReceiverWatch(asks, settings.metricsIntervalMs, this.clock, this.logger).run(signal);
  }

  private async sendMetrics(signal: AbortSignal): Promise<string | undefined> {
    return await this.options.sendMetrics?.(this.lookout.look(), signal);
  }

  /** The parts that operators may pause. */
  get pausables(): Pausable[] {
    return [
      ...this.busNames.map((name) => ({ kind: "source" as const, name })),
      ...this.surroundings.sinks.map(({ id }) => ({ kind: "sink" as const, name: id })),
    ];
  }

  /** See {@link Controls.flush}. */
  async flush(): Promise<number | undefined> {
    const { aggregator: { windows }, ingest } = this.core;
    const open = windows.windowCount;
    return await ingest.checkpointInTurns(true) ? open : undefined;
  }

  /** Begins to deliver. */
  deliver(): void {
    this.delivered = this.tasks.start((stop) => this.router.run(stop));
  }

  /**
   * The end of both ways to run: the outbox is delivered, the sources learn what is durable, and the cursors
   * of the sinks go into a last checkpoint. Then the receiver of OpenTelemetry gets the last metrics. Returns
   * why something is left.
   *
   * @param isHurried Whether delivery is cut short after some seconds.
   * @param farewells Other messages to send meanwhile.
   */
  async deliverTheRest(
    isHurried: boolean,
    farewells: readonly Promise<void>[] = [],
  ): Promise<readonly string[]> {
    const isDelivered = new AbortController();
    if (isHurried) {
      void this.clock.sleep(SHUTDOWN_DELIVERY_MS, isDelivered.signal).then(() => this.tasks.stop());
    }
    this.router.finish();
    const [leftovers] = await Promise.all([
      this.delivered,
      ...this.readers.map((reader) => reader.farewell()),
      ...farewells,
    ]);
    isDelivered.abort();
    this.tasks.check();
    this.core.ingest.checkpointNow();
    // What the receiver does not take, the watch tells while the handler runs. Here it is too late to help.
    await this.sendMetrics(AbortSignal.timeout(LAST_TELEMETRY_MS)).catch(() => undefined);
    return leftovers ?? [];
  }

  /** Ends everything that still runs. */
  async stop(): Promise<void> {
    this.tasks.stop();
    await this.delivered;
  }

  /** Applies another configuration of the same buses, sinks and state. */
  async change(next: Config): Promise<void> {
    const newSinks = await this.surroundings.change?.(this.config, next) ?? [];
    this.core.change(next);
    for (const reader of this.readers) reader.change(readerOptions(next));
    this.router.exchange(newSinks);
    this.config = next;
  }

  async close(): Promise<void> {
    this.repetitions.tell();
    await Promise.all(this.sources.map((source) => source.close()));
    this.core.state.close();
  }

  private open(options: HandlerOptions): Core {
    const { builtAtMs, clock, deadLetterBound, openState, rowsAStep } = this.surroundings;
    const tracing = options.telemetry?.tracing;
    return openCore(this.config, this.logger, {
      busNames: this.busNames,
      forgetSinks: options.forgetSinks,
      acceptSinks: options.acceptSinks ?? [],
      takesOver: options.takeOver ?? false,
      operator: options.operator,
      clock,
      builtAtMs,
      observer: {
        processed: (...batch) => this.metrics.processed(...batch),
        checkpointed: (seconds) =>
          this.metrics.checkpointed(seconds, this.core.outbox.endId(), this.clock.nowMs()),
        refused: (event) => {
          this.metrics.refused(event);
          this.minuteLog.refused(event);
        },
        tap: this.tap,
        troubles: this.troubles,
        traces: tracing && new IngestTraces(tracing, this.closings, clock),
      },
      openState,
      deadLetterBound,
      rowsAStep,
    });
  }

  /** Puts the pauses in force that the state has. Those of parts that are gone end. */
  private openPauses(): Pauses {
    const known = this.storedPauses().filter((pause) => this.pausables.some((part) => isOf(pause, part)));
    for (const pause of known) this.logger.warn(`${pauseInWords(pause)}: resume it over the admin listener`);
    const pauses = new Pauses(known, (part) => this.heed(part));
    for (const part of known) this.heed(part, true);
    return pauses;
  }

  private storedPauses(): Pause[] {
    try {
      return readPauses(this.core.state);
    } catch (error) {
      this.core.state.close();
      throw error;
    }
  }

  private heed(part: Pausable, isPaused = this.pauses.has(part)): void {
    if (part.kind === "sink") this.router.pause(part.name, isPaused);
    else this.core.ingest.pause(this.busNames.indexOf(part.name), isPaused);
  }

  private deliveries(tracing: Tracing | undefined): Delivery[] {
    const { clock, delivery, random, sinks } = this.surroundings;
    const logger = this.logger.child("router");
    return sinks.map((sink) => {
      const traces = new DeliveryTraces(tracing && { tracing, closings: this.closings, clock });
      return new Delivery(sink, this.core.outbox, delivery, clock, random, logger, this.metrics, traces);
    });
  }

  private busNamed(name: string): number {
    const addressAt = (i: number) => this.config.sources[i]?.address.replace(/\/+$/, "");
    const named = ({ id }: Source, i: number) => id === name || addressAt(i) === name;
    const bus = this.sources.findIndex(named);
    if (bus >= 0) return bus;
    this.core.state.close();
    throw new ConfigError([{
      subject: "--skip-to",
      value: name,
      problem: "names no bus of VABUS_URL",
      allowed: this.busNames.join(", "),
    }]);
  }
}

function readerOptions(config: Config): ReaderOptions {
  return { batchSize: config.batchSize, waitMs: pollSeconds(config) * 1000 };
}

function pollSeconds({ idleTimeoutMs }: Config): number {
  return Math.min(MAX_POLL_SECONDS, Math.max(1, Math.floor(idleTimeoutMs / 1000)));
}
