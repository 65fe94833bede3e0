import type { DrainResult } from "../ingest/partition_reader.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Config } from "../settings/config.ts";
import { Handler } from "./handler.ts";
import type { OnceOptions, OnceResult } from "./handler_options.ts";
import type { Surroundings } from "./parts.ts";

/** Fetches all events, closes the windows that may be closed, and delivers. @throws {StateError} */
export async function runOnce(
  config: Config,
  logger: Logger,
  signal: AbortSignal,
  options: OnceOptions,
  surroundings?: Surroundings,
): Promise<OnceResult> {
  const handler = await Handler.create(config, logger, { ...options, endsWhenRead: true }, surroundings);
  try {
    return await once(handler, signal, options);
  } finally {
    await handler.close();
  }
}

async function once(
  handler: Handler,
  signal: AbortSignal,
  { flush, show }: OnceOptions,
): Promise<OnceResult> {
  const { core: { ingest }, readers, tasks } = handler;
  handler.deliver();
  const halt = AbortSignal.any([signal, tasks.failed]);
  const isDrained = new AbortController();
  const checkpointing = tasks.start(() =>
    ingest.keepCheckpointing(AbortSignal.any([halt, isDrained.signal]))
  );
  const watching = tasks.start(() => handler.watchReceiver(AbortSignal.any([halt, isDrained.signal])));
  const shown = show?.(() => handler.lookout.look(), AbortSignal.any([halt, isDrained.signal]));
  try {
    const drained = await Promise.all(readers.map((reader) => tasks.start(() => reader.drain(halt))));
    isDrained.abort();
    await Promise.all([checkpointing, watching, shown]);
    tasks.check();
    const reasons = drained.flatMap((result) => whyLeft(result));
    ingest.lookAtRefusals(true);
    // While a bus is not read to its end, windows are not closed early: its later events would only become
    // corrections.
    if (!ingest.checkpointNow(flush && reasons.length === 0)) {
      reasons.push(`state: ${ingest.obstacle?.detail ?? "it cannot be written"}`);
    }
    reasons.push(...await handler.deliverTheRest(signal.aborted));
    handler.minuteLog.tell();
    handler.standing.keep();
    return { complete: reasons.length === 0, reasons, outages: handler.outages.note() };
  } finally {
    isDrained.abort();
    await handler.stop();
  }
}

function whyLeft(result: DrainResult | undefined): string[] {
  return result === undefined || result.drained ? [] : [result.reason];
}
