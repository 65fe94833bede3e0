/** A receiver of OTLP over HTTP, and how requests to it look. */
export interface ReceiverAddress {
  /** Without `/v1/traces`. */
  readonly endpoint: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly isJson: boolean;
  /** PEM text; undefined: the system's authorities. */
  readonly authority: string | undefined;
}

/** What can be sent, by its path. */
export type Signal = "traces" | "metrics" | "logs";

/** Statuses by which a receiver refuses a request without content, and would take others. */
const REFUSES_EMPTY = [400, 415, 422];
const JSON_TYPE = "application/json";
const PROTOBUF = "application/x-protobuf";
const MESSAGE_MAX_CHARACTERS = 300;
const ANSWER_MAX_MS = 5000;

/**
 * Asks a receiver whether it takes each of the signals, by requests without content. The exporter itself
 * tells nobody when what it sends is not taken.
 *
 * @returns Why it does not take one of them, without secrets; undefined: it takes them all.
 * @throws The signal's reason, when it fires.
 */
export async function tryReceiver(
  receiver: ReceiverAddress,
  signals: readonly Signal[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const problems = await Promise.all(signals.map((name) => {
    const path = `/v1/${name}` as const;
    const empty: Message = receiver.isJson || name === "metrics"
      ? { path, type: JSON_TYPE, body: "{}" }
      : { path, type: PROTOBUF, body: new Uint8Array(0) };
    return post(receiver, empty, REFUSES_EMPTY, signal);
  }));
  const told = new Set(problems.filter((problem) => problem !== undefined));
  return told.size === 0 ? undefined : [...told].join("; ");
}

/**
 * Sends metrics, once.
 *
 * @param body `ExportMetricsServiceRequest` in JSON, which each receiver takes whatever it prefers.
 * @returns Why the receiver does not take them, without secrets; undefined: it has taken them.
 * @throws The signal's reason, when it fires.
 */
export async function sendMetrics(
  receiver: ReceiverAddress,
  body: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  return await post(receiver, { path: "/v1/metrics", type: JSON_TYPE, body }, [], signal);
}

interface Message {
  readonly path: `/v1/${Signal}`;
  readonly type: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/**
 * Posts once. Returns and throws as its callers do.
 *
 * @param tolerated Statuses besides those of success that do not mean that the receiver takes nothing.
 */
async function post(
  { authority, endpoint, headers }: ReceiverAddress,
  { path, type, body }: Message,
  tolerated: readonly number[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(ANSWER_MAX_MS);
  using client = authority === undefined ? undefined : Deno.createHttpClient({ caCerts: [authority] });
  let reply: Response;
  try {
    reply = await fetch(`${endpoint}${path}`, {
      method: "POST",
      headers: [...headers.map((header) => [...header] as [string, string]), [
        "content-type",
        type,
      ]],
      body,
      redirect: "manual",
      signal: AbortSignal.any([signal, timeout]),
      ...(client && { client }),
    });
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted) return `it does not answer within ${ANSWER_MAX_MS / 1000} s`;
    const { cause, message } = error as Error;
    return (cause instanceof Error ? cause.message : message).slice(0, MESSAGE_MAX_CHARACTERS);
  }
  await reply.body?.cancel();
  const { status } = reply;
  if (reply.ok || tolerated.includes(status)) return undefined;
  if (status === 401 || status === 403) return `it answers ${status}: check OTEL_EXPORTER_OTLP_HEADERS`;
  return `it answers ${status} to ${endpoint}${path}`;
}
