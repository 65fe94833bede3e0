import { join } from "node:path";
import { tierText } from "../aggregation/tier.ts";
import type { Config } from "../settings/config.ts";
import { refusedIn } from "../aggregation/event_books.ts";
import { isRunningIn, type Status, statusIn } from "../control/status.ts";
import type { Listener } from "../runtime/handler_options.ts";
import type { Controls } from "../runtime/controls.ts";
import type { LiveOverview } from "../runtime/overview.ts";
import { runService } from "../runtime/service.ts";
import type { Logger } from "../platform/log/logger.ts";
import { assertTrusted, STATE_FILE_NAME } from "../state/file/state_directory.ts";
import { BusError, type BusServer, startBus } from "../bus/server.ts";
import { listenAsConfigured } from "./admin_listener.ts";
import type { CommandContext } from "./command.ts";
import { demoConfig, demoDirectory } from "./demo_config.ts";
import { DemoGateway } from "../demo/gateway.ts";
import { DemoPlant, PLAIN_FUNCTIONS, PLAIN_SENSOR } from "../demo/plant.ts";
import { DemoScreen } from "../demo/screen.ts";
import { DemoSink } from "../demo/sink.ts";
import { readableSinks } from "../runtime/parts.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { invokedAs, shellWord } from "./invoked_as.ts";
import { printableLines } from "../platform/log/printable.ts";
import { drawStdout } from "../platform/terminal/streams.ts";
import { makeOwnDirectory } from "./own_directory.ts";
import { terminalStyle } from "../platform/terminal/style.ts";
import { verify } from "./verify.ts";

export interface DemoOptions {
  readonly eventsPerSecond: number;
  readonly names: number;
  /** Undefined: until the signal fires. */
  readonly durationMs: number | undefined;
}

const BUS_BOUNDS = { maxEvents: 10_000_000, maxBytes: 1 << 30, consumerExpiryMs: 86_400_000 };

const LOOPBACK = "127.0.0.1";
const BUS_FILE_NAME = "bus.sqlite";

/**
 * Runs bus, plant and handler in this one process, shows the totals, and ends with the proof that nothing was
 * lost.
 */
export async function demo(context: CommandContext, options: DemoOptions): Promise<ExitCode> {
  const { logger, write, registry } = context;
  const isKept = context.config.stateDir !== demoDirectory();
  if (isKept) {
    assertTrusted(context.config.stateDir, false);
    makeOwnDirectory("--state-dir", context.config.stateDir);
  }
  const earlier = isKept ? earlierRun(context.config.stateDir) : undefined;
  const bus = openBus(context.config.stateDir, isKept, earlier, logger);
  try {
    const inboxAddress = openAddress(context.config.stateDir, earlier);
    const config = demoConfig(context.sources, registry, [bus.url, `listen://${inboxAddress}`]);
    write(introduction(config, bus, inboxAddress, options, earlier));
    const signal = options.durationMs === undefined
      ? context.signal
      : AbortSignal.any([context.signal, AbortSignal.timeout(options.durationMs)]);
    await show({ ...context, config }, signal, { busUrl: bus.url, inboxAddress }, options);
    write(`\nStopped: ${inWords(statusIn(config.stateDir, Date.now()))}\n\nthe proof (\`verify\`):\n`);
    const style = terminalStyle();
    const painted = (text: string) =>
      drawStdout(
        printableLines(text).replace(/^PROVEN.*$/m, style.good).replace(/^NOT PROVEN.*$/m, style.bad),
      );
    const code = await verify({ ...context, config, write: painted, signal: new AbortController().signal }, {
      sinceMs: undefined,
      scanned: [],
      json: false,
    });
    write(
      isKept
        ? `\nIts files stay in ${config.stateDir}: the same command goes on from here.\n`
        : "\nIts files are deleted now; `demo --state-dir DIRECTORY` keeps them.\n",
    );
    return code;
  } finally {
    await bus.close();
    if (!isKept) await Deno.remove(demoDirectory(), { recursive: true });
  }
}

/** The report of the state that an earlier demo has left in a directory; undefined: there is none. */
function earlierRun(stateDir: string): Status | undefined {
  if (!exists(join(stateDir, STATE_FILE_NAME))) return undefined;
  if (!exists(join(stateDir, BUS_FILE_NAME))) {
    throw new CommandError(
      EXIT.usage,
      `${stateDir} holds a state that is not a demo's. Give another --state-dir: the demo's events ` +
        "do not belong into it.",
    );
  }
  if (isRunningIn(stateDir)) {
    throw new CommandError(
      EXIT.tryAgain,
      `A demo runs on ${stateDir} already. Stop it, or give another --state-dir.`,
    );
  }
  return statusIn(stateDir, Date.now());
}

/** The state knows a bus by its address. So a bus whose data are kept gets the same address again. */
function openBus(
  stateDir: string,
  isKept: boolean,
  earlier: Status | undefined,
  logger: Logger,
): BusServer {
  const address = earlier?.buses.find(({ name }) => name.startsWith("http:"))?.name;
  const port = address === undefined ? 0 : Number(new URL(address).port);
  try {
    return startBus({
      hostname: LOOPBACK,
      port,
      store: isKept ? { kind: "sqlite", path: join(stateDir, BUS_FILE_NAME) } : { kind: "memory" },
      ...BUS_BOUNDS,
      allowedHosts: [],
      logger: logger.child("bus"),
    });
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    if (port === 0) throw new CommandError(EXIT.failed, error.message);
    throw new CommandError(
      EXIT.failed,
      `The demo in ${stateDir} needs the port again that its bus had. ${
        error.message.split(". Give")[0]
      }. End what listens there, ` +
        "or give another --state-dir.",
    );
  }
}

/** Where the handler listens for the gateway's lines: a free port, or the one whose inbox is kept. */
function openAddress(stateDir: string, earlier: Status | undefined): string {
  const kept = earlier?.buses.find(({ name }) => name.startsWith("listen:"))?.name;
  const port = kept === undefined ? 0 : Number(kept.slice(kept.lastIndexOf(":") + 1));
  try {
    using listener = Deno.listen({ hostname: LOOPBACK, port });
    return `${LOOPBACK}:${listener.addr.port}`;
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new CommandError(
      EXIT.failed,
      `The demo in ${stateDir} needs the port ${port} again, where its gateway pushes to. End what listens ` +
        "there, or give another --state-dir.",
    );
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Runs all parts until the signal fires or one fails. */
async function show(
  { config, registry, logger, write }: CommandContext,
  signal: AbortSignal,
  { busUrl, inboxAddress }: { readonly busUrl: string; readonly inboxAddress: string },
  { eventsPerSecond, names }: DemoOptions,
): Promise<void> {
  const ended = new AbortController();
  const ending = AbortSignal.any([signal, ended.signal]);
  const gateway = new DemoGateway(`http://${inboxAddress}`, Math.random);
  const plant = new DemoPlant(busUrl, eventsPerSecond, names, Math.random, gateway);
  const [sink] = readableSinks(config, logger, registry, []);
  const screen = new DemoScreen(config, new DemoSink(sink!.readBack, config.instanceId), write);
  const parts: Promise<void>[] = [];
  const listen = (controls: Controls) => listenAsConfigured(() => ({ config, registry, logger }), controls);
  const onReady = (look: () => LiveOverview, listener: Listener | undefined) => {
    write(whereToLook(config, registry.fileOf(config.sinks[0]!)!.path, listener?.url));
    parts.push(plant.run(() => look().counts.received, ending), screen.run(look, ending));
    for (const part of parts) part.catch(() => ended.abort());
  };
  try {
    await runService(config, logger, ending, { forgetSinks: [], skipTo: [], listen, onReady });
  } finally {
    ended.abort();
    await Promise.allSettled(parts);
    await sink!.close();
  }
  await Promise.all(parts);
}

function introduction(
  config: Config,
  bus: BusServer,
  inboxAddress: string,
  { eventsPerSecond, names }: DemoOptions,
  earlier: Status | undefined,
): string {
  return [
    "VaBus Data Handler: a demo that needs nothing from outside. Ctrl-C ends it, with a proof.",
    ...(earlier === undefined ? [] : [`It goes on where an earlier one has left off: ${inWords(earlier)}`]),
    "",
    `  events      ${number(eventsPerSecond)} a second of ${
      number(names)
    } names; some come late, some are garbage`,
    `  bus         ${bus.url}/events?limit=5`,
    `  pushed      lines of a gateway; yours too: curl http://${inboxAddress}/write -d 'press,machine=9 ` +
    `temperature=21'`,
    `  functions   ${PLAIN_FUNCTIONS.join(", ")} of ${PLAIN_SENSOR}; the other events name their own`,
    `  windows     ${config.intervals.map((tier) => `${tierText(tier)} s`).join(", ")}, closed ${
      config.allowedLatenessMs / 1000
    } s after their end, corrected by what comes later`,
    "",
  ].join("\n");
}

/** The books in words, so that everybody can see that the numbers add up. */
function inWords({ counts, windows }: Status): string {
  const { received, aggregated, contributed, duplicate, dropped, lateArrivals } = counts;
  const open = windows.reduce((sum, { events }) => sum + events, 0);
  return `${number(received)} events received\n` +
    `  = ${number(aggregated)} aggregated + ${
      number(duplicate + dropped + refusedIn(counts))
    } refused as garbage;\n` +
    `  those count once for each interval and function: ${number(contributed - open)} in closed windows + ` +
    `${number(open)} in windows still open;\n` +
    `  ${number(lateArrivals)} of them came after their window had closed, and were counted all the same`;
}

function whereToLook(config: Config, sinkPath: string, adminUrl: string | undefined): string {
  const program = invokedAs();
  const directory = shellWord(config.stateDir);
  const isKept = config.stateDir !== demoDirectory();
  return [
    `  aggregates  ${sinkPath} (table aggregated_events)`,
    `  look also   ${program} status --state-dir ${directory}`,
    `  refused     ${program} dead-letters list --state-dir ${directory}`,
    ...(adminUrl === undefined ? [] : [`  metrics     ${adminUrl}/metrics`]),
    isKept
      ? `  kill it     kill -9 ${Deno.pid}   and start the same command again: the numbers stay right`
      : `  kill it     ${program} demo --state-dir ~/vabus-demo, kill -9 it, start it again`,
    "",
    "",
  ].join("\n");
}

function number(count: number): string {
  return count.toLocaleString("en");
}
