import { join } from "node:path";
import { BusError, type BusServer, startBus } from "../bus/server.ts";
import { isRunningIn, type Status, statusIn } from "../control/status.ts";
import { systemClock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";
import { STATE_FILE_NAME } from "../state/file/state_directory.ts";
import { CommandError, EXIT } from "./exit.ts";

export const LOOPBACK = "127.0.0.1";
const BUS_FILE_NAME = "bus.sqlite";
const BUS_BOUNDS = { maxEvents: 10_000_000, maxBytes: 1 << 30, consumerExpiryMs: 86_400_000 };
/**
 * Below the ports that systems give to clients' connections: nothing takes one of these while the handler is
 * being started again.
 */
const FIRST_PORT = 20_000;
const PORTS = 12_000;
const ATTEMPTS = 100;
/** A handler ends by itself when its demo was killed: it delivers for 8 s at most. */
const LEFTOVER_MS = 20_000;
const POLL_MS = 100;

/** Whether a handler has begun in a directory. */
export function hasState(stateDir: string): boolean {
  return exists(join(stateDir, STATE_FILE_NAME));
}

/** The report of the state that an earlier demo has left in a directory; undefined: there is none. */
export function earlierRun(stateDir: string): Status | undefined {
  if (!hasState(stateDir)) return undefined;
  if (!exists(join(stateDir, BUS_FILE_NAME))) {
    throw new CommandError(
      EXIT.usage,
      `${stateDir} holds a state that is not a demo's. Give another --state-dir: the demo's events ` +
        "do not belong into it.",
    );
  }
  return statusIn(stateDir, Date.now());
}

/** Waits until the handler has ended whose demo was killed. @throws {CommandError} It takes too long. */
export async function waitForLeftover(stateDir: string, signal: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  while (isRunningIn(stateDir) && !signal.aborted) {
    if (performance.now() - startedMs > LEFTOVER_MS) {
      throw new CommandError(
        EXIT.tryAgain,
        `The handler of an earlier demo still runs on ${stateDir}. Stop it, or give another --state-dir.`,
      );
    }
    await systemClock.sleep(POLL_MS, signal);
  }
}

/**
 * Starts the demo's bus. The state knows a bus by its address. So a bus whose data are kept gets the same
 * address again.
 *
 * @param isKept Whether its data stay in the directory.
 * @throws {CommandError}
 */
export function openBus(
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
    if (error.isInUse) {
      throw new CommandError(
        EXIT.tryAgain,
        `A demo runs on ${stateDir} already. Stop it, or give another --state-dir.`,
      );
    }
    if (port === 0) throw new CommandError(EXIT.failed, error.message);
    throw new CommandError(
      EXIT.failed,
      `The demo in ${stateDir} needs the port again that its bus had. ${
        error.message.split(". Give")[0]
      }. End what listens there, or give another --state-dir.`,
    );
  }
}

/** The port where the handler listens for the gateway's lines: any, or the one whose inbox is kept. */
export function inboxPort(stateDir: string, earlier: Status | undefined): number {
  const kept = earlier?.buses.find(({ name }) => name.startsWith("listen:"))?.name;
  if (kept === undefined) return anyPort(LOOPBACK);
  const port = Number(kept.slice(kept.lastIndexOf(":") + 1));
  if (isFree(LOOPBACK, port)) return port;
  throw new CommandError(
    EXIT.failed,
    `The demo in ${stateDir} needs the port ${port} again, where its gateway pushes to. End what listens ` +
      "there, or give another --state-dir.",
  );
}

/** A port that nothing listens on. The handler is given it, since it has to be the same after a restart. */
export function anyPort(hostname: string): number {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (isFree(hostname, port)) return port;
  }
  throw new CommandError(
    EXIT.failed,
    `No free port was found on ${hostname}, of ${ATTEMPTS} from ${FIRST_PORT} on. Name one by --http-listen.`,
  );
}

function isFree(hostname: string, port: number): boolean {
  try {
    Deno.listen({ hostname, port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
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
