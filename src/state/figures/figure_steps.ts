import { type Figures, together } from "./figures.ts";

/** The figures of the latest steps of one length, oldest first. Steps begin at multiples of their length. */
export class FigureSteps {
  private readonly steps: Figures[] = [];

  /** @param keptMs Steps that begin longer than this before the newest one are dropped. */
  constructor(readonly stepMs: number, private readonly keptMs: number) {}

  get all(): readonly Figures[] {
    return this.steps;
  }

  /**
   * Adds figures to the step in which they begin. Later steps are dropped: they are of a clock that was ahead
   * and has been set right.
   */
  add(figures: Figures): void {
    const { stepMs, steps } = this;
    const atMs = Math.floor(figures.atMs / stepMs) * stepMs;
    while (steps.length > 0 && steps.at(-1)!.atMs > atMs) steps.pop();
    const last = steps.at(-1);
    const own = { ...figures, atMs, stepMs };
    if (last?.atMs === atMs) steps[steps.length - 1] = together(last, own);
    else steps.push(own);
    while (steps[0]!.atMs < atMs - this.keptMs) steps.shift();
  }
}
