import { systemClock } from "../platform/clock/clock.ts";
import { printable } from "../platform/log/printable.ts";
import { deliverAlone } from "../runtime/between_runs.ts";
import { createSinks, readableSinks } from "../runtime/parts.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { StateError } from "../state/file/state_error.ts";
import { askForRedelivery, END_OF_TIME_MS } from "../state/outbox/redelivery.ts";
import type { Installation } from "./installation.ts";
import { OrderError } from "./order_error.ts";
import type { Proof } from "./proof.ts";
import { RedeliveryProgress } from "./redelivery_progress.ts";
import { type RedeliveryStock, stockOf } from "./redelivery_stock.ts";
import { settleProven } from "./settlement.ts";
import { instantInWords, type Span } from "./span.ts";
import { verify } from "./verification.ts";

/** The rows to send to a sink again. */
export interface RedeliveryOrder {
  readonly sink: string;
  /** The windows, by their start. `untilMs` may be {@link END_OF_TIME_MS}. */
  readonly span: Span;
  /** Whether a sink that cannot overwrite may have them twice. */
  readonly allowsDuplicates: boolean;
}

export interface RedeliveryOutcome {
  readonly stock: RedeliveryStock;
  /** Rows. */
  readonly sent: number;
  /** Whether the running handler has done it. */
  readonly isHanded: boolean;
  /**
   * Why not everything was sent; undefined: it was. The next start of the handler, or the next order, sends
   * the rest.
   */
  readonly leftover: string | undefined;
  /** The proof for the span; undefined: not everything was sent, or the sink cannot be read back. */
  readonly proof: Proof | undefined;
}

/**
 * Sends a sink its present rows of a span again, by the running handler or else by itself, and proves the
 * span.
 *
 * @param actor The operator, for the audit.
 * @param onProgress Called from time to time with the number of rows sent.
 * @throws {OrderError} @throws {StateError} @throws The signal's reason, when it fires.
 */
export async function redeliver(
  actor: string,
  order: RedeliveryOrder,
  installation: Installation,
  signal: AbortSignal,
  onProgress: (sent: number) => void,
): Promise<RedeliveryOutcome> {
  const stock = await redeliverable(order, installation);
  const id = ask(actor, order, installation);
  const done = await fulfil(id, order.sink, installation, signal, onProgress);
  const proof = done.leftover === undefined ? await proveSpan(actor, order, installation, signal) : undefined;
  return { stock, ...done, proof };
}

/** What there is to send. @throws {OrderError} The order cannot be carried out. @throws {StateError} */
export async function redeliverable(
  order: RedeliveryOrder,
  installation: Installation,
): Promise<RedeliveryStock> {
  await assertPossible(order, installation);
  return stockOf(installation.config.stateDir, order.sink, order.span);
}

/** @throws {OrderError} */
async function assertPossible(
  { sink, span: { sinceMs, untilMs }, allowsDuplicates }: RedeliveryOrder,
  { config, registry, logger }: Installation,
): Promise<void> {
  if (untilMs !== END_OF_TIME_MS && untilMs <= sinceMs) {
    throw new OrderError(
      "wrong",
      (option) =>
        `${option("--until", "until")} ${instantInWords(untilMs)} is not after ` +
        `${option("--since", "since")} ${instantInWords(sinceMs)}: no window lies between.`,
    );
  }
  const found = (await createSinks(config, logger, registry)).find(({ id }) => id === sink);
  if (!found) {
    const ids = config.sinks.map(({ id }) => id).join(", ");
    throw new OrderError(
      "wrong",
      (option) =>
        `${option("--sink", "sink")} ${
          printable(sink)
        }: there is no such sink in STORAGE_TYPE. There are: ${ids}.`,
    );
  }
  if (found.repeat === "upsert" || allowsDuplicates) return;
  throw new OrderError(
    "wrong",
    (option) =>
      `${sink} cannot overwrite: what is sent again is there twice, told apart from the first only by ` +
      `its place. Add ${option("--allow-duplicates", "allow_duplicates")} if its readers keep one row of ` +
      "each revision.",
  );
}

/** Stores the request in the state. Returns its number. */
function ask(actor: string, { sink, span: { sinceMs, untilMs } }: RedeliveryOrder, { config }: Installation) {
  const state = StateDatabase.openForRequest(config.stateDir);
  try {
    const until = untilMs === END_OF_TIME_MS ? "" : ` --until ${instantInWords(untilMs)}`;
    return askForRedelivery(state, sink, sinceMs, untilMs, {
      who: actor,
      atMs: systemClock.nowMs(),
      action: "redeliver",
      detail: `--sink ${sink} --since ${instantInWords(sinceMs)}${until}`,
    });
  } finally {
    state.close();
  }
}

/** Fulfils the request, or waits until the running handler has. */
async function fulfil(
  id: number,
  sink: string,
  { config, registry, logger }: Installation,
  signal: AbortSignal,
  onProgress: (sent: number) => void,
): Promise<Pick<RedeliveryOutcome, "sent" | "leftover" | "isHanded">> {
  const progress = new RedeliveryProgress(config.stateDir, id);
  const over = new AbortController();
  const told = progress.tell(onProgress, AbortSignal.any([signal, over.signal]));
  try {
    const leftover = await deliverAlone(config, logger, sink, signal, registry);
    signal.throwIfAborted();
    const { sent, isDone } = progress.read();
    return { sent, leftover: leftover ?? (isDone ? undefined : `${sink} has not had all`), isHanded: false };
  } catch (error) {
    if (!(error instanceof StateError) || error.kind !== "held") throw error;
    await progress.awaitEnd(logger, signal);
    return { sent: progress.read().sent, leftover: undefined, isHanded: true };
  } finally {
    over.abort();
    await told;
    progress.close();
  }
}

async function proveSpan(
  actor: string,
  { sink, span }: RedeliveryOrder,
  { config, registry, logger }: Installation,
  signal: AbortSignal,
): Promise<Proof | undefined> {
  const kinds = registry.sinks.map(({ kind }) => kind);
  const readable = (await readableSinks(config, logger, registry, kinds)).find(({ id }) => id === sink);
  if (readable === undefined) return undefined;
  const state = StateDatabase.openForReading(config.stateDir);
  try {
    const proof = await verify(state, [readable], span, signal);
    // Where the newest rows are still missing, the next opening of the sink raises the alarm again.
    settleProven(actor, "redeliver", state, config.stateDir, proof, logger);
    return proof;
  } finally {
    await readable.close();
    state.close();
  }
}
