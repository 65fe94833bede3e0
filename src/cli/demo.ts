import type { Config } from "../config/config.ts";
import { type HandlerView, runService } from "../handler/handler.ts";
import type { Logger } from "../log/logger.ts";
import { type BusServer, startBus } from "../vabus/bus/server.ts";
import type { CommandContext } from "./command.ts";
import { demoDirectory } from "./demo_config.ts";
import { DemoPlant } from "./demo_plant.ts";
import { DemoScreen } from "./demo_screen.ts";
import type { ExitCode } from "./exit.ts";
import { verify } from "./verify.ts";

export interface DemoOptions {
  readonly eventsPerSecond: number;
  readonly names: number;
  /** Undefined: until the signal fires. */
  readonly durationMs: number | undefined;
}

const BUS_BOUNDS = { maxEvents: 10_000_000, maxBytes: 1 << 30, consumerExpiryMs: 86_400_000 };

/** Runs bus, plant and handler in this one process, shows what happens, and ends with the proof that nothing was lost. */
export async function demo(context: CommandContext, options: DemoOptions): Promise<ExitCode> {
  const { logger, write } = context;
  const bus = startBus({
    hostname: "127.0.0.1",
    port: 0,
    storage: { kind: "memory" },
    ...BUS_BOUNDS,
    allowedHosts: [],
    logger: logger.child("bus"),
  });
  const config: Config = { ...context.config, vabus: { ...context.config.vabus, urls: [bus.url] } };
  try {
    write(introduction(config, bus, options));
    const signal = options.durationMs === undefined
      ? context.signal
      : AbortSignal.any([context.signal, AbortSignal.timeout(options.durationMs)]);
    await show(config, logger, signal, bus.url, options, write);
    write("\nstopped; the proof of what was aggregated (`verify`):\n");
    return await verify({ ...context, config, signal: new AbortController().signal }, {
      sinceMs: undefined,
      kafka: false,
      json: false,
    });
  } finally {
    await bus.close();
    if (config.stateDir === demoDirectory()) await Deno.remove(demoDirectory(), { recursive: true });
  }
}

/** Everything at once, until the signal fires or a part fails. */
async function show(
  config: Config,
  logger: Logger,
  signal: AbortSignal,
  busUrl: string,
  options: DemoOptions,
  write: (text: string) => void,
): Promise<void> {
  const ended = new AbortController();
  const ending = AbortSignal.any([signal, ended.signal]);
  const plant = new DemoPlant(busUrl, options.eventsPerSecond, options.names, Math.random);
  const screen = new DemoScreen(config, write);
  const parts: Promise<void>[] = [];
  const onReady = (view: HandlerView) => {
    write(whereToLook(config, view));
    parts.push(plant.run(() => view.totals().received, ending), screen.run(() => view.totals(), ending));
    for (const part of parts) part.catch(() => ended.abort());
  };
  try {
    await runService(config, logger, ending, { forgetSinks: [], skipTo: [], onReady, isQuiet: true });
  } finally {
    ended.abort();
    await Promise.allSettled(parts);
  }
  await Promise.all(parts);
}

function introduction(config: Config, bus: BusServer, { eventsPerSecond, names }: DemoOptions): string {
  return [
    "VaBus Data Handler: a demo that needs nothing from outside. Ctrl-C ends it.",
    "",
    `  events      ${eventsPerSecond.toLocaleString("en")} a second of ${
      names.toLocaleString("en")
    } names; ` +
    "some come late, some are garbage",
    `  bus         ${bus.url}/events?limit=5`,
    `  windows     ${config.aggregationIntervalMs / 1000} s, closed ${
      config.allowedLatenessMs / 1000
    } s after their end, corrected by what comes later`,
    "",
  ].join("\n");
}

function whereToLook(config: Config, { adminUrl }: HandlerView): string {
  const sink = config.sinks[0]!;
  return [
    `  aggregates  ${sink.name === "sqlite" ? sink.path : sink.name} (table aggregated_events)`,
    `  look also   vabus-data-handler status --state-dir ${config.stateDir}`,
    ...(adminUrl === undefined ? [] : [`  metrics     ${adminUrl}/metrics`]),
    "",
    "",
  ].join("\n");
}
