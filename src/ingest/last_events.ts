import type { Partition } from "../contract/source.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { Pulse } from "../platform/clock/pulse.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Ingest } from "./ingest.ts";

/** Pause between two tries to store events. */
const STATE_PAUSE_MS = 1000;

interface Surroundings {
  readonly ingest: Pick<Ingest, "checkpointInTurns">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Makes checkpoints until one has the last events: the source has forgotten them, or waits for their
 * acknowledgement. Those come again after a stop, which so need not wait for the disk.
 */
export async function storeLastEvents(
  { ingest, clock, logger }: Surroundings,
  partition: Pick<Partition, "replay">,
  pulse: Pulse,
  stop: AbortSignal,
): Promise<void> {
  const end = partition.replay === "none" ? new AbortController().signal : stop;
  let isTold = false;
  while (!end.aborted && !await ingest.checkpointInTurns()) {
    if (stop.aborted && !end.aborted && !isTold) {
      isTold = true;
      logger.warn(
        "the stop waits until the state can be written: the bus has forgotten events that are not in it",
      );
    }
    pulse.expect("the state to be writable", STATE_PAUSE_MS);
    await clock.sleep(STATE_PAUSE_MS, end);
  }
}
