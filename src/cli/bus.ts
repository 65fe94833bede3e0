import { join } from "node:path";
import { systemClock } from "../platform/clock/clock.ts";
import type { BusConfig } from "../settings/bus_config.ts";
import type { HostPort } from "../settings/value_type.ts";
import { isLoopback } from "../platform/http/access.ts";
import { reasonOf } from "../platform/log/denial.ts";
import { Repetitions } from "../platform/log/repetitions.ts";
import type { WhenFull } from "../bus/event_log.ts";
import { BusError, type BusServer, type BusServerOptions, startBus } from "../bus/server.ts";
import type { CommandContext } from "./command.ts";
import { readNamed } from "../platform/file/regular_file.ts";
import { makeOwnDirectory } from "./own_directory.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";

const PEM_MAX_BYTES = 1 << 20;
const MINUTE_MS = 60_000;

export interface BusOptions {
  readonly listen: HostPort;
  readonly memory: boolean;
  readonly dataDir: string | undefined;
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly whenFull: WhenFull | undefined;
  readonly consumerExpiryMs: number;
  readonly insecure: boolean;
  readonly tlsCertFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
}

/** Serves a VaBus until the signal fires. */
export async function bus(context: CommandContext<BusConfig>, options: BusOptions): Promise<ExitCode> {
  const { config, logger, signal } = context;
  const tls = readTls(options);
  const exposure = exposureOf(options.listen.hostname, config.token, tls !== undefined);
  if (exposure !== undefined && !options.insecure) {
    throw new CommandError(EXIT.usage, `${exposure}\n${WAYS_OUT}`);
  }
  const repetitions = new Repetitions();
  const server = start({
    hostname: options.listen.hostname,
    port: options.listen.port,
    store: storeOf(options),
    maxEvents: options.maxEvents,
    maxBytes: options.maxBytes,
    whenFull: options.whenFull,
    consumerExpiryMs: options.consumerExpiryMs,
    allowedHosts: config.allowedHosts,
    ...(config.token !== undefined && { token: config.token }),
    ...(tls !== undefined && { tls }),
    logger: repetitions.foldComponents(logger).child("bus"),
  });
  logger.info("VaBus is listening", { url: server.url });
  if (exposure !== undefined) logger.warn(`--insecure: ${exposure}`);
  while (!signal.aborted) {
    await systemClock.sleep(MINUTE_MS, signal);
    repetitions.tell();
  }
  await server.close();
  return EXIT.done;
}

const WAYS_OUT =
  "Set VABUS_TOKEN (or VABUS_TOKEN_FILE) and give --tls-cert-file and --tls-key-file; or listen on " +
  "127.0.0.1 behind a proxy that does both; or say --insecure, where everybody who reaches the " +
  "address may be trusted.";

/** The risk of an open bus: what everybody who can reach it might do; undefined: there is none. */
function exposureOf(hostname: string, token: string | undefined, hasTls: boolean): string | undefined {
  if (isLoopback(hostname)) return undefined;
  if (token === undefined) {
    return `Other hosts reach ${hostname}, and there is no token: everybody might read, publish and ` +
      "take events.";
  }
  return hasTls
    ? undefined
    : `Other hosts reach ${hostname}, and there is no TLS: the token and the events cross the network ` +
      "in the clear.";
}

function start(options: BusServerOptions): BusServer {
  try {
    return startBus(options);
  } catch (error) {
    if (error instanceof BusError) throw new CommandError(EXIT.failed, error.message);
    throw error;
  }
}

function storeOf({ memory, dataDir }: BusOptions): { kind: "memory" } | { kind: "sqlite"; path: string } {
  if (dataDir === undefined) return { kind: "memory" };
  if (memory) {
    throw new CommandError(EXIT.usage, "--memory and --data-dir exclude each other; keep one of them.");
  }
  makeOwnDirectory("--data-dir", dataDir);
  return { kind: "sqlite", path: join(dataDir, "bus.sqlite") };
}

function readTls({ tlsCertFile, tlsKeyFile }: BusOptions): { cert: string; key: string } | undefined {
  if (tlsCertFile === undefined && tlsKeyFile === undefined) return undefined;
  if (tlsCertFile === undefined || tlsKeyFile === undefined) {
    throw new CommandError(EXIT.usage, "--tls-cert-file and --tls-key-file come together; give both.");
  }
  return { cert: readPem("--tls-cert-file", tlsCertFile), key: readPem("--tls-key-file", tlsKeyFile) };
}

function readPem(flag: string, path: string): string {
  try {
    return new TextDecoder().decode(readNamed(path, PEM_MAX_BYTES));
  } catch (error) {
    throw new CommandError(EXIT.usage, `${flag} ${path} cannot be read: ${reasonOf(error)}`);
  }
}
