import { get as getPlainly } from "node:http";
import { get as getByTls } from "node:https";
import type { BusConfig } from "../settings/bus_config.ts";
import type { HostPort } from "../settings/value_type.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";

const TIMEOUT_MS = 5000;
/** The address by which a listener on all addresses is reached. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };

/** Asks the handler on this host whether it is alive, for containers without another HTTP client. */
export async function health({ config, signal, write }: CommandContext<BusConfig>): Promise<ExitCode> {
  const { hasHttpTls, httpListen } = config;
  if (httpListen === undefined || httpListen.port === 0) {
    throw new CommandError(
      EXIT.usage,
      "There is no admin listener to ask: HTTP_LISTEN is off, or has port 0.",
    );
  }
  const url = healthUrl(httpListen, hasHttpTls);
  try {
    const { status, text } = await ask(url, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]));
    if (status !== 200) throw new CommandError(EXIT.failed, `${url} answers ${status}.`);
    write(text);
    return EXIT.done;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CommandError) throw error;
    throw new CommandError(EXIT.failed, `${url} does not answer: is the handler running?`);
  }
}

/** Whether a handler has its admin listener at the address. */
export async function answersAsHandler(address: HostPort, hasTls: boolean): Promise<boolean> {
  try {
    const { status, text } = await ask(healthUrl(address, hasTls), AbortSignal.timeout(TIMEOUT_MS));
    return status === 200 && (JSON.parse(text) as { status?: unknown }).status === "ok";
  } catch {
    return false;
  }
}

/**
 * Asks for a page of the handler on this host. Its certificate is not compared: it is made for the name that
 * other hosts use, and nothing is sent that anybody may not have.
 */
function ask(url: string, signal: AbortSignal): Promise<{ status: number | undefined; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; text: string }>();
  const get = url.startsWith("https:") ? getByTls : getPlainly;
  const request = get(url, { rejectUnauthorized: false, signal, agent: false }, (reply) => {
    reply.setEncoding("utf8");
    let text = "";
    reply.on("data", (piece: string) => text += piece);
    reply.on("end", () => resolve({ status: reply.statusCode, text }));
    reply.on("error", reject);
  });
  request.on("error", reject);
  return promise;
}

function healthUrl(address: HostPort, hasTls: boolean): string {
  return `${loopbackUrl(address, hasTls)}/healthz`;
}

/** The URL by which a listener of this host is reached on this host. */
export function loopbackUrl({ hostname, port }: HostPort, hasTls: boolean): string {
  const host = LOOPBACK[hostname] ?? (hostname.includes(":") ? `[${hostname}]` : hostname);
  return `${hasTls ? "https" : "http"}://${host}:${port}`;
}
