import type { z } from "zod";
import type { PIPELINE } from "../api/pipeline_endpoint.ts";

/** What flows through the parts of the handler at one moment. */
export type Pipeline = z.infer<typeof PIPELINE>;

/** A source in the pipeline. */
export type PipelineSource = Pipeline["sources"][number];
/** A sink in the pipeline. */
export type PipelineSink = Pipeline["sinks"][number];

/**
 * How fast a counter grows, per second, over the last pipelines. Undefined: there are too few of them, or
 * the counter went down, as after a restart.
 */
export function ratePerSecond(
  pipelines: readonly Pipeline[],
  counter: (pipeline: Pipeline) => number | undefined,
): number | undefined {
  const [first, last] = [pipelines[0], pipelines.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const [before, after] = [counter(first), counter(last)];
  const seconds = last.at - first.at;
  if (before === undefined || after === undefined || after < before || seconds <= 0) return undefined;
  return (after - before) / seconds;
}
