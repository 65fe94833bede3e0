import { isRunningIn, type Status, statusIn } from "../control/status.ts";
import { Cannot } from "../flink/cannot.ts";
import { type FlinkJob, flinkJob, type JobOptions } from "../flink/flink_job.ts";
import { type KnownPartition, StartOffsets } from "../flink/start_offsets.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT } from "./exit.ts";

/** The flags of the commands that make the job. */
export interface FlinkFlags {
  readonly parallelism: number;
  readonly percentiles: readonly string[];
  /** The directories of states to go on from; empty: none. */
  readonly fromStates: readonly string[];
  readonly once: boolean;
}

/** Those that events name most, where no flag says others. */
const USUAL_PERCENTILES = ["p50", "p90", "p95", "p99"];

/** Makes the job of the settings and flags. @throws {CommandError} */
export function jobOf(
  { config, registry }: CommandContext,
  { parallelism, percentiles, fromStates, once }: FlinkFlags,
  secret: JobOptions["secret"],
): FlinkJob {
  try {
    return flinkJob(config, registry, {
      parallelism,
      percentiles: percentiles.length > 0 ? percentiles : USUAL_PERCENTILES,
      endsWhenRead: once,
      offsets: fromStates.length === 0 ? undefined : offsetsIn(fromStates, config.share?.count ?? 1),
      secret,
    });
  } catch (error) {
    if (!(error instanceof Cannot)) throw error;
    throw new CommandError(EXIT.usage, `${error.message} What Flink can do stands in docs/flink.md.`);
  }
}

/**
 * Where states were read to.
 *
 * @param instances How many instances share the buses: the job reads what each of them has read.
 */
function offsetsIn(directories: readonly string[], instances: number): StartOffsets {
  const states = new Set(directories).size;
  if (states < instances) {
    throw new CommandError(
      EXIT.usage,
      `INSTANCE_COUNT is ${instances}, and --from-state names ${states}: the job reads all partitions, so ` +
        "give --from-state for the state of each instance.",
    );
  }
  const buses = new Map<string, KnownPartition[]>();
  for (const { name, partitions } of directories.flatMap((directory) => endedState(directory).buses)) {
    buses.set(name, [...buses.get(name) ?? [], ...partitions]);
  }
  return new StartOffsets(buses);
}

/** A state that nobody writes. What is still open or waiting in it would be missing from the sinks. */
function endedState(directory: string): Status {
  const status = statusIn(directory, Date.now());
  const rest = isRunningIn(directory) ? "a handler that runs on it" : remainder(status);
  if (rest === undefined) return status;
  throw new CommandError(
    EXIT.failed,
    `The state in ${directory} still has ${rest}, which the job would not have. Stop the handler, then ` +
      "let `vabus-data-handler once --flush` deliver all of it.",
  );
}

function remainder({ openWindows, outboxRows }: Status): string | undefined {
  if (openWindows > 0) return `open windows (${openWindows})`;
  return outboxRows > 0 ? `aggregates that wait for a sink (${outboxRows})` : undefined;
}
