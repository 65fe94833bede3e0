import type { Aggregate } from "../aggregation/aggregate.ts";
import { type ReadableSink, SinkError } from "../contract/sink.ts";
import type { SoughtRows } from "../contract/read_back.ts";
import { compileRoutes } from "../delivery/routes.ts";
import { readableSinks } from "../runtime/parts.ts";
import type { Config } from "../settings/config.ts";
import type { Installation } from "./installation.ts";

/** The rows that a sink had. */
export interface RowsOfSink {
  readonly aggregates: Aggregate[];
  /** All rows of windows that start before this time are found. Unix ms. */
  readonly reachedMs: number;
  /** The sink that has answered; undefined: none has. */
  readonly sink: string | undefined;
  /** Why rows may be missing; undefined: none are. */
  readonly lack: string | undefined;
}

/** How long a sink may take. Who looks at a chart does not wait longer. */
const ANSWER_MAX_MS = 10_000;

/** Rows of the sinks that find those of a series without reading everything. */
export class SinkRows {
  /** @param installation What is in force at the moment. */
  constructor(private readonly installation: () => Installation) {}

  /**
   * The rows of one of the sinks that get the series: the first one that has any.
   *
   * @param lengthsMs Lengths of windows that the state knows.
   * @throws The signal's reason, when it fires.
   */
  async rowsOf(
    instance: string,
    sought: SoughtRows,
    lengthsMs: readonly number[],
    signal: AbortSignal,
  ): Promise<RowsOfSink> {
    const { config, registry, logger } = this.installation();
    const sinks = inOrderOfRoutes(
      await readableSinks(config, logger, registry, []),
      config,
      sought.name,
      lengthsMs,
    );
    const nothing = { aggregates: [], reachedMs: sought.untilMs, sink: undefined };
    let best: RowsOfSink = {
      ...nothing,
      lack: "older aggregates than the archive has could only be in a sink that cannot be searched",
    };
    try {
      for (const sink of sinks) {
        const found = await this.ask(sink, instance, sought, signal);
        if (found.sink !== undefined && found.aggregates.length > 0) return found;
        if (best.sink === undefined) best = found;
      }
      return best;
    } finally {
      for (const sink of sinks) await sink.close();
    }
  }

  private async ask(
    { id, readBack }: ReadableSink,
    instance: string,
    sought: SoughtRows,
    signal: AbortSignal,
  ): Promise<RowsOfSink> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MAX_MS)]);
    try {
      const { aggregates, reachedMs } = await readBack.rowsOfSeries!(instance, sought, deadline);
      return { aggregates: [...aggregates], reachedMs, sink: id, lack: undefined };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SinkError) && !deadline.aborted) throw error;
      const reason = deadline.aborted
        ? `no answer within ${ANSWER_MAX_MS / 1000} s`
        : (error as Error).message;
      return { aggregates: [], reachedMs: sought.untilMs, sink: undefined, lack: `${id}: ${reason}` };
    }
  }
}

/** The sinks that can be searched, those first that the routes name for the series. */
function inOrderOfRoutes(
  sinks: readonly ReadableSink[],
  { routes, intervals, sinks: configured }: Config,
  name: string,
  lengthsMs: readonly number[],
): ReadableSink[] {
  const compiled = compileRoutes(routes, configured.map(({ id }) => id), intervals);
  const routed = "ok" in compiled
    ? new Set(lengthsMs.flatMap((lengthMs) => compiled.ok.ofLength(lengthMs).sinksFor(name)))
    : new Set<string>();
  return sinks.filter(({ readBack }) => readBack.rowsOfSeries !== undefined)
    .toSorted((a, b) => Number(routed.has(b.id)) - Number(routed.has(a.id)));
}
