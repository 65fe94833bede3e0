import type { BusServer } from "../bus/server.ts";
import { type Status, statusIn } from "../control/status.ts";
import { DemoError } from "../demo/demo_error.ts";
import { DemoGateway } from "../demo/gateway.ts";
import { type HandlerLaunch, HandlerProcess } from "../demo/handler_process.ts";
import { DemoPlant } from "../demo/plant.ts";
import { TotalsView } from "../demo/totals_view.ts";
import { DemoScreen } from "../demo/screen.ts";
import { DemoSink } from "../demo/sink.ts";
import { playStory } from "../demo/story.ts";
import { readableSinks } from "../runtime/parts.ts";
import { assertTrusted } from "../state/file/state_directory.ts";
import { printableLines } from "../platform/log/printable.ts";
import { drawStdout } from "../platform/terminal/streams.ts";
import { terminalStyle } from "../platform/terminal/style.ts";
import type { CommandContext } from "./command.ts";
import {
  anyPort,
  earlierRun,
  hasState,
  inboxPort,
  LOOPBACK,
  openBus,
  waitForLeftover,
} from "./demo_addresses.ts";
import { demoConfig, demoDirectory } from "./demo_config.ts";
import { handlerLaunch } from "./demo_handler.ts";
import { introduction, inWords } from "./demo_texts.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { makeOwnDirectory } from "./own_directory.ts";
import { verify } from "./verify.ts";

export interface DemoOptions {
  readonly eventsPerSecond: number;
  readonly names: number;
  /** Undefined: until the signal fires. */
  readonly durationMs: number | undefined;
  /** Numbers of acts, from 1. */
  readonly acts: readonly number[];
  readonly actMs: number;
}

/** The demo's bus, and what its handler is given. */
interface Site {
  readonly context: CommandContext;
  readonly bus: BusServer;
  readonly inboxUrl: string;
  readonly launch: HandlerLaunch;
  readonly earlier: Status | undefined;
  readonly isKept: boolean;
}

/**
 * Runs bus and plant in this process and the handler in one of its own, plays the acts, and ends with the
 * proof that nothing was lost.
 */
export async function demo(context: CommandContext, options: DemoOptions): Promise<ExitCode> {
  const { logger, write } = context;
  const { stateDir } = context.config;
  const isKept = stateDir !== demoDirectory();
  if (isKept) assertTrusted(stateDir, false);
  makeOwnDirectory("--state-dir", stateDir);
  let bus: BusServer | undefined;
  try {
    bus = openBus(stateDir, isKept, isKept ? earlierRun(stateDir) : undefined, logger);
    await waitForLeftover(stateDir, context.signal);
    const site = siteOf(context, bus, isKept);
    await show(site, options);
    if (!hasState(stateDir)) {
      write("Stopped before the handler had begun.\n");
      return EXIT.done;
    }
    write(`\nStopped: ${inWords(statusIn(stateDir, Date.now()))}\n\nthe proof (\`verify\`):\n`);
    const code = await prove(site.context, (text, paint) => drawStdout(paint(printableLines(text))));
    write(
      isKept
        ? `\nIts files stay in ${stateDir}: the same command goes on from here.\n`
        : "\nIts files are deleted now; `demo --state-dir DIRECTORY` keeps them.\n",
    );
    return code;
  } catch (error) {
    if (error instanceof DemoError) throw new CommandError(EXIT.failed, error.message);
    throw error;
  } finally {
    await bus?.close();
    if (!isKept) await Deno.remove(stateDir, { recursive: true });
  }
}

function siteOf(context: CommandContext, bus: BusServer, isKept: boolean): Site {
  const { config: { httpListen, stateDir }, registry, sources } = context;
  const earlier = isKept ? earlierRun(stateDir) : undefined;
  const inbox = { hostname: LOOPBACK, port: inboxPort(stateDir, earlier) };
  const inboxAddress = `${inbox.hostname}:${inbox.port}`;
  const addresses = {
    STATE_DIR: stateDir,
    VABUS_URL: `${bus.url},listen://${inboxAddress}`,
    ...(httpListen?.port === 0 &&
      { HTTP_LISTEN: withPort(httpListen.hostname, anyPort(httpListen.hostname)) }),
  };
  const own = { ...context, config: demoConfig(sources, registry, addresses) };
  const launch = handlerLaunch(own, addresses, inbox);
  return { context: own, bus, inboxUrl: `http://${inboxAddress}`, launch, earlier, isKept };
}

function withPort(hostname: string, port: number): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** Runs all parts until the signal fires, the time is over or one fails. The handler is the last to end. */
async function show(site: Site, options: DemoOptions): Promise<void> {
  const { context: { signal }, launch } = site;
  const ended = new AbortController();
  const handlerEnd = new AbortController();
  const ending = AbortSignal.any([signal, ended.signal]);
  const handler = new HandlerProcess(launch);
  const running = handler.run(handlerEnd.signal).finally(() => ended.abort());
  // Its error is thrown at the end.
  running.catch(() => {});
  try {
    await handler.up(ending);
    if (!ending.aborted) await perform(site, options, handler, ending);
  } finally {
    handlerEnd.abort();
    await running;
  }
}

/** Plant, screen and story, from the first event on. */
async function perform(
  site: Site,
  { acts, actMs, durationMs, eventsPerSecond, names }: DemoOptions,
  handler: HandlerProcess,
  ended: AbortSignal,
): Promise<void> {
  const { context, bus, inboxUrl, earlier, isKept } = site;
  const { config, logger, registry, write } = context;
  const failed = new AbortController();
  const over = durationMs === undefined ? [] : [AbortSignal.timeout(durationMs)];
  const ending = AbortSignal.any([ended, failed.signal, ...over]);
  const [sink] = await readableSinks(config, logger, registry, []);
  const sinkPath = registry.fileOf(config.sinks[0]!)!.path;
  using view = TotalsView.open(config.stateDir);
  const look = () => view.look();
  const screen = new DemoScreen(
    config,
    new DemoSink(sink!.readBack, config.instanceId),
    () => handler.pid !== undefined,
  );
  const plant = new DemoPlant(
    bus.url,
    eventsPerSecond,
    names,
    Math.random,
    new DemoGateway(inboxUrl, Math.random),
  );
  const stage = { plant, handler, sinkPath, look, correction: () => screen.correction, actMs };
  write(introduction({
    config,
    eventsPerSecond,
    names,
    busUrl: bus.url,
    inboxUrl,
    sinkPath,
    handler: handler.pid,
    earlier,
    isKept,
  }));
  const parts = [
    plant.run(() => look().counts.received, ending),
    screen.run(look, ending),
    playStory(
      acts,
      stage,
      screen,
      async () => void await prove(context, (text, paint) => screen.say(text, paint), ending),
      ending,
    ),
  ];
  for (const part of parts) part.catch(() => failed.abort());
  try {
    await Promise.allSettled(parts);
  } finally {
    await sink!.close();
  }
  await Promise.all(parts);
}

type Paint = (text: string) => string;

/** Shows what `verify` says, with its verdict in colours. @throws The signal's reason, when it fires. */
async function prove(
  context: CommandContext,
  show: (text: string, paint: Paint) => void,
  signal: AbortSignal = new AbortController().signal,
): Promise<ExitCode> {
  const style = terminalStyle();
  const paint = (text: string) =>
    text.replace(/^PROVEN.*$/m, style.good).replace(/^NOT PROVEN.*$/m, style.bad);
  return await verify({ ...context, write: (text) => show(text, paint), signal }, {
    sinceMs: undefined,
    scanned: [],
    json: false,
  });
}
