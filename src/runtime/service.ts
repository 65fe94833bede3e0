import { systemClock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { FigureHistory } from "../state/figures/figure_history.ts";
import { FigureKeeper } from "./figure_keeper.ts";
import type { Config } from "../settings/config.ts";
import { VERSION } from "../version.ts";
import { AlarmWatch } from "./alarms/alarm_watch.ts";
import type { Controls } from "./controls.ts";
import { Handler } from "./handler.ts";
import type { ServiceManager, ServiceOptions } from "./handler_options.ts";
import { NotifySocket } from "./notify_socket.ts";
import type { ChangingOutlet, Surroundings } from "./parts.ts";
import { RenameWatch } from "./renames/rename_watch.ts";
import { readAgain, type Rereading, type Resettings } from "./resettings.ts";
import { statusLine } from "./status_line.ts";
import { Supervision } from "./supervision.ts";
import { VabusOutlet } from "./vabus_outlet.ts";

/** How long the bus may take for the last metrics. */
const LAST_SEND_TO_BUS_MS = 1000;

/**
 * Runs until the signal fires. Then fetching stops, a checkpoint is made, the outbox is delivered for some
 * seconds, and the state is closed.
 *
 * @throws {StateError} The state is held, damaged or not ours.
 * @throws {ConfigError} `skipTo` names a bus that is not configured, or one without offsets.
 */
export async function runService(
  config: Config,
  logger: Logger,
  signal: AbortSignal,
  options: ServiceOptions,
  surroundings?: Surroundings,
): Promise<void> {
  const handler = await Handler.create(config, logger, options, surroundings);
  try {
    const outlet = config.metricsIntervalMs > 0 ? await handler.surroundings.outlet?.() : undefined;
    const service = new Service(handler, options, outlet);
    await service.serve(signal).finally(() => service.close());
  } finally {
    await handler.close();
  }
}

/** A handler that runs until it is stopped, with its watchers and the changes of its settings. */
class Service {
  /** Undefined: no service manager wants notifications, or not yet. */
  private supervision: Supervision | undefined;
  /** Undefined: none is kept. */
  private readonly figures: FigureHistory | undefined;

  private readonly alarmWatch: AlarmWatch;

  /** @param outlet Of the handler's own metrics; undefined: none. */
  constructor(
    private readonly handler: Handler,
    private readonly options: ServiceOptions,
    private readonly outlet: ChangingOutlet | undefined,
  ) {
    this.alarmWatch = new AlarmWatch(() => handler.lookout.look(), handler.clock);
    this.figures = handler.surroundings.openFigures?.();
  }

  async serve(signal: AbortSignal): Promise<void> {
    const { handler, options: { isQuiet, listen, onReady, resettings, serviceManager } } = this;
    const { core: { ingest }, lookout, minuteLog, readers, repetitions, tasks } = handler;
    const look = () => lookout.look();
    const listener = await listen?.(this.controls());
    handler.deliver();
    const halt = AbortSignal.any([signal, tasks.failed]);
    const outlet = this.openOutlet();
    const reading = this.read(halt, outlet);
    // Whoever hears of the start may connect at once.
    await Promise.all(readers.map(({ listens }) => listens));
    this.tellStart(listener?.url);
    onReady?.(look, listener);
    const supervised = serviceManager && this.supervise(serviceManager, halt);
    const reset = resettings && tasks.start(() => this.keepResetting(resettings, halt));
    try {
      await reading;
      repetitions.tell();
      tasks.check();
      lookout.isStopping = true;
      handler.logger.info("stopping: nothing more is fetched");
      ingest.checkpointNow();
      const lastMetrics = outlet ? [outlet.send(AbortSignal.timeout(LAST_SEND_TO_BUS_MS))] : [];
      const leftovers = await handler.deliverTheRest(true, lastMetrics);
      if (!isQuiet) minuteLog.tell();
      for (const leftover of leftovers) handler.logger.warn(`left for the next start: ${leftover}`);
      handler.logger.info("stopped");
    } finally {
      await handler.stop();
      await supervised;
      await reset;
      await listener?.close();
    }
  }

  close(): void {
    this.outlet?.part.close();
  }

  /** Everything that runs until fetching stops. */
  private async read(halt: AbortSignal, outlet: VabusOutlet | undefined): Promise<void> {
    const { figures, handler } = this;
    const { clock, config, core: { ingest }, lookout, minuteLog, outages, readers, repetitions, tasks } =
      handler;
    const keeper = figures && new FigureKeeper(() => lookout.look(), clock, figures);
    const renames = this.renameWatch();
    await Promise.all([
      ...readers.map((reader) => tasks.start(() => reader.run(halt))),
      tasks.start(() => ingest.keepCheckpointing(halt)),
      tasks.start(() => handler.watchReceiver(halt)),
      ...(keeper ? [tasks.start(() => keeper.run(halt))] : []),
      ...(renames ? [tasks.start(() => renames.run(halt))] : []),
      tasks.start(() => outages.run(halt)),
      tasks.start(() => handler.standing.run(halt)),
      ...(this.options.isQuiet ? [] : [tasks.start(() => minuteLog.run(halt, () => repetitions.tell()))]),
      // Only the listener tells of them.
      ...(this.options.listen ? [tasks.start(() => this.alarmWatch.run(halt))] : []),
      ...(outlet ? [tasks.start(() => outlet.run(config.metricsIntervalMs, clock.sleep, halt))] : []),
    ]);
  }

  /** Undefined: nobody looks at the state beside the work. */
  private renameWatch(): RenameWatch | undefined {
    const { clock, core: { aggregator }, lookout, surroundings: { openView } } = this.handler;
    const shortestMs = () => Math.min(...aggregator.options.tiers.map(({ lengthMs }) => lengthMs));
    return openView && new RenameWatch(openView, shortestMs, lookout.renames, clock);
  }

  private tellStart(adminUrl: string | undefined): void {
    const { busNames, config, logger } = this.handler;
    logger.info("started", {
      version: VERSION,
      instance: config.instanceId,
      state: config.stateDir,
      buses: busNames.join(","),
      sinks: config.sinks.map(({ id }) => id).join(","),
      admin: adminUrl,
    });
  }

  private openOutlet(): VabusOutlet | undefined {
    const { handler: { logger, lookout, metrics }, outlet } = this;
    return outlet && new VabusOutlet(
      () => lookout.look(),
      (metrics, signal) => outlet.part.post(metrics, signal),
      logger.child("metrics"),
      (isDone) => metrics.sent(isDone),
    );
  }

  /** Reads the settings again at each request. */
  private async keepResetting(resettings: Resettings, halt: AbortSignal): Promise<void> {
    while (!halt.aborted) {
      await resettings.next(halt);
      if (halt.aborted) return;
      await this.reset(resettings);
    }
  }

  private async reset(resettings: Resettings): Promise<Rereading> {
    const { handler, supervision } = this;
    const work = () =>
      readAgain(handler.config, resettings, handler.logger, async (config) => {
        await handler.change(config);
        this.outlet?.change(config);
      });
    return await (supervision ? supervision.duringReload(work) : work());
  }

  private controls(): Controls {
    const { handler, options: { resettings } } = this;
    return {
      look: () => handler.lookout.look(),
      alarms: () => this.alarmWatch.alarms(),
      tap: handler.tap,
      troubles: handler.troubles,
      noneRules: () => handler.core.noneRules(),
      parts: handler.pausables,
      pauses: () => handler.pauses.all,
      pause: (pauses, part) => handler.pauses.replace(pauses, part),
      flush: () => handler.flush(),
      figures: (span) => this.figures?.steps(span) ?? [],
      reload: async () =>
        resettings === undefined
          ? { fault: "the settings of this handler never change" }
          : await this.reset(resettings),
    };
  }

  /** Reports to the service manager until fetching stops. The handler works without notifications, too. */
  private async supervise(manager: ServiceManager, halt: AbortSignal): Promise<void> {
    const { core: { ingest }, lookout, readers, router, tasks } = this.handler;
    const logger = this.handler.logger.child("supervision");
    let socket: NotifySocket;
    try {
      socket = NotifySocket.open(manager.socket);
    } catch (error) {
      logger.warn("the socket of the service manager cannot be opened (NOTIFY_SOCKET)", {
        error: (error as Error).message,
      });
      return;
    }
    const pulses = () => [
      ["the checkpoints", ingest.pulse] as const,
      ...readers.flatMap((reader) => reader.pulses().map((pulse) => [reader.name, pulse] as const)),
      ...router.pulses(),
    ];
    const supervision = this.supervision = new Supervision(
      socket,
      { watchdogMs: manager.watchdogMs, pulses, status: () => statusLine(lookout.look()) },
      systemClock,
      logger,
    );
    await tasks.start(() => supervision.run(halt));
    supervision.close();
  }
}
