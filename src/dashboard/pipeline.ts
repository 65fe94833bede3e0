import type { z } from "zod";
import type { PIPELINE } from "../api/pipeline_endpoint.ts";

/** What flows through the parts of the handler at one moment. */
export type Pipeline = z.infer<typeof PIPELINE>;

/** A source in the pipeline. */
export type PipelineSource = Pipeline["sources"][number];
/** A sink in the pipeline. */
export type PipelineSink = Pipeline["sinks"][number];

/** The pipelines of the last five seconds, for what comes evenly, such as events. */
export const EVENLY = 6;

/**
 * How fast a counter grows, per second, over the last pipelines. Undefined: there are too few of them, or
 * the counter went down, as after a restart.
 *
 * @param over How many pipelines; default: all that are kept, for what comes in bursts, such as aggregates.
 */
export function ratePerSecond(
  pipelines: readonly Pipeline[],
  counter: (pipeline: Pipeline) => number | undefined,
  over = Infinity,
): number | undefined {
  const [first, last] = [pipelines[Math.max(0, pipelines.length - over)], pipelines.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const [before, after] = [counter(first), counter(last)];
  const seconds = last.at - first.at;
  if (before === undefined || after === undefined || after < before || seconds <= 0) return undefined;
  return (after - before) / seconds;
}
