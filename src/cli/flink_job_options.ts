import { type Status, statusIn } from "../control/status.ts";
import { Cannot } from "../flink/cannot.ts";
import { type FlinkJob, flinkJob, type JobOptions } from "../flink/flink_job.ts";
import { StartOffsets } from "../flink/start_offsets.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT } from "./exit.ts";

/** The flags of the commands that make the job. */
export interface FlinkFlags {
  readonly parallelism: number;
  readonly percentiles: readonly string[];
  readonly fromState: string | undefined;
  readonly once: boolean;
}

/** Those that events name most, where no flag says others. */
const USUAL_PERCENTILES = ["p50", "p90", "p95", "p99"];

/** Makes the job of the settings and flags. @throws {CommandError} */
export function jobOf(
  { config, registry }: CommandContext,
  { parallelism, percentiles, fromState, once }: FlinkFlags,
  secret: JobOptions["secret"],
): FlinkJob {
  try {
    return flinkJob(config, registry, {
      parallelism,
      percentiles: percentiles.length > 0 ? percentiles : USUAL_PERCENTILES,
      endsWhenRead: once,
      offsets: fromState === undefined ? undefined : offsetsIn(fromState),
      secret,
    });
  } catch (error) {
    if (!(error instanceof Cannot)) throw error;
    throw new CommandError(EXIT.usage, `${error.message} What Flink can do stands in docs/flink.md.`);
  }
}

/** Where a state was read to. What is still open or waiting in it would be missing from the sinks. */
function offsetsIn(directory: string): StartOffsets {
  const status = statusIn(directory, Date.now());
  const rest = remainder(status);
  if (rest !== undefined) {
    throw new CommandError(
      EXIT.failed,
      `The state in ${directory} still has ${rest}, which the job would not have. Stop the handler, then ` +
        "let `vabus-data-handler once --flush` deliver all of it.",
    );
  }
  return new StartOffsets(new Map(status.buses.map(({ name, partitions }) => [name, partitions])));
}

function remainder({ openWindows, outboxRows }: Status): string | undefined {
  if (openWindows > 0) return `open windows (${openWindows})`;
  return outboxRows > 0 ? `aggregates that wait for a sink (${outboxRows})` : undefined;
}
