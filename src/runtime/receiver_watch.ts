import type { Clock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";
import { oneLine } from "../platform/log/printable.ts";

/** Asks the receiver, see `tryReceiver`. */
export type AskReceiver = (signal: AbortSignal) => Promise<string | undefined>;

const INTERVAL_MS = 60_000;

/** Says in the log when the receiver of OpenTelemetry begins and ceases to take what is sent, each once. */
export class ReceiverWatch {
  private isTaking = true;

  constructor(
    private readonly ask: AskReceiver,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Asks at once and each minute, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const problem = await this.ask(signal).catch(() => undefined);
      if (signal.aborted) return;
      this.tell(problem);
      await this.clock.sleep(INTERVAL_MS, signal);
    }
  }

  private tell(problem: string | undefined): void {
    const isTaking = problem === undefined;
    if (isTaking === this.isTaking) return;
    this.isTaking = isTaking;
    if (isTaking) this.logger.info("the receiver of OpenTelemetry takes what is sent again");
    else {
      this.logger.warn(
        "the receiver of OpenTelemetry does not take what is sent: it is lost until this ends, and " +
          `nothing else depends on it: ${oneLine(problem)}`,
      );
    }
  }
}
