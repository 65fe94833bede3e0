import { request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import { openOwn, readOwn } from "../../platform/file/regular_file.ts";
import type { ListenConfig } from "./listen_config.ts";

/** How long whoever listens at an address may take to say which inbox it has. */
const ANSWER_MAX_MS = 3000;
const ANSWER_MAX_CHARACTERS = 4096;
const EVERY_ADDRESS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/**
 * Writes which inbox a file is into another one beside it: a handler that runs has the file for itself, and
 * `check` must know whether the listener that it finds is that handler's.
 */
export function writeInboxId(path: string, id: string): void {
  const file = openOwn(besides(path));
  try {
    file.truncateSync(0);
    file.writeSync(new TextEncoder().encode(`${id}\n`));
  } finally {
    file.close();
  }
}

/** Undefined: there is none that can be read. */
export function readInboxId(path: string): string | undefined {
  try {
    return new TextDecoder().decode(readOwn(besides(path))).trim();
  } catch {
    return undefined;
  }
}

/** The inbox of the listener at an address, with TLS or without it; undefined: no inbox is there. */
export async function inboxAt(
  { hostname, port }: Pick<ListenConfig, "hostname" | "port">,
  signal: AbortSignal,
): Promise<string | undefined> {
  const where = { hostname: EVERY_ADDRESS[hostname] ?? hostname, port, path: "/healthz" };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MAX_MS)]);
  for (const request of [requestPlain, requestTls]) {
    try {
      const { log } = JSON.parse(await answerTo(request, { ...where, signal: limit })) as { log?: unknown };
      if (typeof log === "string") return log;
    } catch {
      // It speaks otherwise, or is no listener.
    }
  }
  return undefined;
}

/** The answer matters only where it is our own, so any certificate will do. */
function answerTo(
  request: typeof requestPlain | typeof requestTls,
  options: { readonly hostname: string; readonly port: number; readonly path: string; signal: AbortSignal },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, agent: false, rejectUnauthorized: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece: string) => {
        text += piece;
        if (text.length > ANSWER_MAX_CHARACTERS) sent.destroy(new Error("too long"));
      });
      answer.on("end", () => resolve(text));
      answer.on("error", reject);
    });
    sent.on("error", reject);
    sent.end();
  });
}

function besides(path: string): string {
  return `${path}.id`;
}
