import type { BusConfig } from "../settings/config.ts";
import type { HostPort } from "../settings/value_type.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";

const TIMEOUT_MS = 5000;
/** The address by which a listener on all addresses is reached. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };

/** Asks the handler on this host whether it is alive, for containers without another HTTP client. */
export async function health({ config, signal, write }: CommandContext<BusConfig>): Promise<ExitCode> {
  const { httpListen } = config;
  if (httpListen === undefined || httpListen.port === 0) {
    throw new CommandError(
      EXIT.usage,
      "There is no admin listener to ask: HTTP_LISTEN is off, or has port 0.",
    );
  }
  const url = healthUrl(httpListen);
  try {
    const reply = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) });
    const text = await reply.text();
    if (reply.status !== 200) throw new CommandError(EXIT.failed, `${url} answers ${reply.status}.`);
    write(text);
    return EXIT.done;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CommandError) throw error;
    throw new CommandError(EXIT.failed, `${url} does not answer: is the handler running?`);
  }
}

/** Whether a handler has its admin listener at the address. */
export async function answersAsHandler(address: HostPort): Promise<boolean> {
  try {
    const reply = await fetch(healthUrl(address), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const { status } = await reply.json() as { status?: unknown };
    return reply.status === 200 && status === "ok";
  } catch {
    return false;
  }
}

function healthUrl({ hostname, port }: HostPort): string {
  const host = LOOPBACK[hostname] ?? (hostname.includes(":") ? `[${hostname}]` : hostname);
  return `http://${host}:${port}/healthz`;
}
