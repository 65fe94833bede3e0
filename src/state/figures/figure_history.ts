import { reasonOf } from "../../platform/log/denial.ts";
import { printable } from "../../platform/log/printable.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { FigureFile } from "./figure_file.ts";
import { FigureSteps } from "./figure_steps.ts";
import type { Figures } from "./figures.ts";

const HOUR_MS = 3_600_000;
export const FINE_STEP_MS = 10_000;
const COARSE_STEP_MS = 300_000;
/** Lines that are appended to the file before it is rewritten: those of an hour. */
const APPENDED_MAX = HOUR_MS / FINE_STEP_MS;

/** How far back figures are looked at, in steps of which length. */
export const SPANS = {
  hour: { lengthMs: HOUR_MS, stepMs: FINE_STEP_MS },
  day: { lengthMs: 24 * HOUR_MS, stepMs: COARSE_STEP_MS },
};

export type FigureSpan = keyof typeof SPANS;

/**
 * The figures of the last hour in fine steps and of the last day in coarse ones, kept in a file over
 * restarts. Figures are worth no event: where the file cannot be used, that is logged, and they are kept in
 * memory.
 */
export class FigureHistory {
  /** Longer than an hour by a coarse step, so that {@link rewrite} finds a whole hour after its bound. */
  private readonly fine = new FigureSteps(FINE_STEP_MS, HOUR_MS + COARSE_STEP_MS);
  private readonly coarse = new FigureSteps(COARSE_STEP_MS, SPANS.day.lengthMs);
  private appended = 0;
  /** Whether the file ends with a whole line, so that another one may follow. */
  private isWhole = true;
  private isFailing = false;
  /** Whether the file could not be read. What is in it may be good, so nothing is written over it. */
  private isUnread = false;

  private constructor(private readonly file: FigureFile, private readonly logger: Logger) {}

  /** The history that a state directory has. This process must hold the directory. */
  static open(directory: string, logger: Logger): FigureHistory {
    const history = new FigureHistory(new FigureFile(directory), logger);
    history.load();
    return history;
  }

  /** Oldest first. A step in which the handler did not run is missing. */
  steps(span: FigureSpan): readonly Figures[] {
    return (span === "hour" ? this.fine : this.coarse).all;
  }

  /** Adds what was done since the last call. */
  add(figures: Figures): void {
    this.fine.add(figures);
    this.coarse.add(figures);
    this.write(() => {
      if (this.isUnread) this.file.setAside();
      this.isUnread = false;
      if (!this.isWhole || this.appended >= APPENDED_MAX) return this.rewrite();
      // What fails may have written a part of the line.
      this.isWhole = false;
      this.file.append({ ...figures, stepMs: FINE_STEP_MS });
      this.isWhole = true;
      this.appended++;
    });
  }

  private load(): void {
    try {
      const { damage, figures, isCut } = this.file.read();
      for (const step of figures) {
        if (step.stepMs === FINE_STEP_MS) this.fine.add(step);
        this.coarse.add(step);
      }
      this.appended = figures.length;
      this.isWhole = !isCut;
      if (damage !== undefined) this.setAside(damage, figures.length);
    } catch (error) {
      this.isUnread = true;
      this.isWhole = false;
      this.failed(error);
    }
  }

  private setAside(damage: string, kept: number): void {
    const aside = this.file.setAside();
    this.logger.warn("the history of figures had something else in it: it is set aside", {
      file: aside,
      reason: damage,
      steps_kept: kept,
    });
    this.rewrite();
  }

  /**
   * Each figure is in the file once: in a fine step from a multiple of coarse steps on, before it in a coarse
   * one.
   */
  private rewrite(): void {
    const [first] = this.fine.all;
    const boundMs = Math.ceil((first?.atMs ?? 0) / COARSE_STEP_MS) * COARSE_STEP_MS;
    this.file.rewrite([
      ...this.coarse.all.filter(({ atMs }) => atMs < boundMs),
      ...this.fine.all.filter(({ atMs }) => atMs >= boundMs),
    ]);
    this.isWhole = true;
    this.appended = 0;
  }

  private write(work: () => void): void {
    try {
      work();
      this.isFailing = false;
    } catch (error) {
      this.failed(error);
    }
  }

  private failed(error: unknown): void {
    if (this.isFailing) return;
    this.isFailing = true;
    this.logger.warn("the history of figures is kept in memory only: its file cannot be used", {
      file: this.file.path,
      reason: printable(reasonOf(error)),
    });
  }
}
