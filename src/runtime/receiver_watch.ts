import type { Clock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";
import { oneLine } from "../platform/log/printable.ts";

/** Sends something to the receiver, see `tryReceiver` and `sendMetrics`. */
export type AskReceiver = (signal: AbortSignal) => Promise<string | undefined>;

/** Says in the log when the receiver of OpenTelemetry begins and ceases to take what is sent, each once. */
export class ReceiverWatch {
  /** Which of the requests it does not take, as text. */
  private failing = "";

  constructor(
    private readonly asks: readonly AskReceiver[],
    private readonly intervalMs: number,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Asks at once and after each interval, one request after the other, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const problems: (string | undefined)[] = [];
      for (const ask of this.asks) problems.push(await ask(signal).catch(() => undefined));
      if (signal.aborted) return;
      this.tell(problems);
      await this.clock.sleep(this.intervalMs, signal);
    }
  }

  private tell(problems: readonly (string | undefined)[]): void {
    const failing = problems.flatMap((problem, i) => problem === undefined ? [] : [i]).join();
    if (failing === this.failing) return;
    this.failing = failing;
    if (failing === "") this.logger.info("the receiver of OpenTelemetry takes what is sent again");
    else {
      const told = new Set(problems.filter((problem) => problem !== undefined));
      this.logger.warn(
        "the receiver of OpenTelemetry does not take what is sent: it is lost until this ends, and " +
          `nothing else depends on it: ${oneLine([...told].join("; "))}`,
      );
    }
  }
}
