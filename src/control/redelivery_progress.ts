import { systemClock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { readRedeliveries } from "../state/outbox/redelivery.ts";

const LOOK_MS = 500;
/** Polls without progress after which the operator is told what to check: half a minute. */
const PATIENCE_LOOKS = 60;

/** The progress of a redelivery, by the state. */
export class RedeliveryProgress {
  private readonly state: StateDatabase;

  /** @param id Of the request. */
  constructor(stateDir: string, private readonly id: number) {
    this.state = StateDatabase.openForReading(stateDir, true);
  }

  read() {
    return this.state.snapshot(() => readRedeliveries(this.state)).find(({ id }) => id === this.id)!;
  }

  /** @throws The signal's reason, when it fires. The handler goes on sending then. */
  async awaitEnd(logger: Logger, signal: AbortSignal): Promise<void> {
    let lookedInVain = 0;
    for (let last = -1, now = this.read(); !now.isDone; last = now.sent, now = this.read()) {
      lookedInVain = now.sent === last ? lookedInVain + 1 : 0;
      if (lookedInVain === PATIENCE_LOOKS) {
        logger.warn(
          "the running handler has sent nothing for a while: its log and /readyz say whether the " +
            "sink can be reached. It goes on by itself, also without this command",
          { sink: now.sink },
        );
      }
      signal.throwIfAborted();
      await systemClock.sleep(LOOK_MS, signal);
      signal.throwIfAborted();
    }
  }

  /** Reports how many rows were sent, again and again until the signal fires. */
  async tell(onProgress: (sent: number) => void, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      onProgress(this.read().sent);
      await systemClock.sleep(LOOK_MS, over);
    }
  }

  close(): void {
    this.state.close();
  }
}
