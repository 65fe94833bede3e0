import type { Clock } from "../platform/clock/clock.ts";
import { type FigureHistory, FINE_STEP_MS } from "../state/figures/figure_history.ts";
import { FigureSampler } from "./figure_sampler.ts";
import type { LiveOverview } from "./overview.ts";

/** Looks at the handler at the end of each step, and adds its figures to the history. */
export class FigureKeeper {
  private readonly sampler: FigureSampler;

  constructor(
    private readonly look: () => LiveOverview,
    private readonly clock: Clock,
    private readonly history: FigureHistory,
  ) {
    this.sampler = new FigureSampler(look(), clock.monotonicMs());
  }

  /** Keeps the history until the signal fires. Then the figures of the step that has begun are added. */
  async run(signal: AbortSignal): Promise<void> {
    do {
      await this.clock.sleep(FINE_STEP_MS - this.clock.nowMs() % FINE_STEP_MS, signal);
      this.history.add(this.sampler.next(this.look(), this.clock.monotonicMs(), FINE_STEP_MS));
    } while (!signal.aborted);
  }
}
