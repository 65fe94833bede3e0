import type { DroppedWindows } from "./dropped_windows.ts";
import type { OpenWindow, OpenWindows } from "./open_windows.ts";
import type { Tier } from "./tier.ts";

/** One of the windows that the present event belongs to. */
export interface CurrentWindow {
  readonly tier: Tier;
  /** How long before the last multiple of the hop it begins, ms: 0, or some hops. */
  readonly aheadMs: number;
  startMs: number;
  endMs: number;
  /** Undefined: it is not open. */
  open: OpenWindow | undefined;
  isClosedEarly: boolean;
  isDropped: boolean;
}

/** The times that decide whether an event is late. Unix ms, and lengths in ms. */
export interface Lateness {
  readonly watermarkMs: number;
  /** Greatest event time of the event's partition. */
  readonly greatestMs: number;
  readonly allowedLatenessMs: number;
  readonly correctionHorizonMs: number;
}

/**
 * The windows of all tiers that an event belongs to: one of each tier, or several where the tier hops. Events
 * mostly come in the order of time, so these windows are nearly always those of the event before.
 */
export class CurrentWindows {
  readonly all: readonly CurrentWindow[];
  /** The slots of the present event in the windows that take it. */
  readonly slots: Int32Array;
  /** All event times in `[fromMs, untilMs)` belong to the present windows. */
  fromMs = Infinity;
  untilMs = -Infinity;
  /**
   * The windows take every event while event time has not reached this. -Infinity: one of them was closed
   * early or deleted.
   */
  takeUntilMs = -Infinity;
  /** Whether the last event that was {@link judge}d is late for a window, whether it is refused or not. */
  isLate = false;

  private readonly taking: CurrentWindow[] = [];
  /**
   * Where a series was last found, in each window but the first. What is found there may be of another window
   * by now. The first window is the shortest, and mostly has the newest slot of a series.
   */
  private likely = new Int32Array();

  constructor(tiers: readonly Tier[]) {
    this.all = tiers.flatMap((tier) =>
      Array.from({ length: tier.lengthMs / tier.hopMs }, (_, hops) => ({
        tier,
        aheadMs: hops * tier.hopMs,
        startMs: Infinity,
        endMs: -Infinity,
        open: undefined,
        isClosedEarly: false,
        isDropped: false,
      }))
    );
    this.slots = new Int32Array(this.all.length);
  }

  /**
   * Finds the slots of a series in all windows. Returns whether it is in all of them; the slots are valid
   * only then.
   *
   * @param series -1: it is in none.
   */
  findSlots(series: number, windows: OpenWindows): boolean {
    const { all, slots } = this;
    const first = all[0]!.open;
    const newest = series < 0 || first === undefined ? -1 : windows.findSlot(series, first);
    if (newest < 0) return false;
    slots[0] = newest;
    for (let w = 1; w < all.length; w++) {
      const { open } = all[w]!;
      if (open === undefined) return false;
      const likely = this.likely[series * all.length + w]!;
      if (windows.isSlotOf(likely, series, open)) {
        slots[w] = likely;
        continue;
      }
      const slot = windows.findSlot(series, open);
      if (slot < 0) return false;
      slots[w] = slot;
      this.remember(series, w, slot, windows);
    }
    return true;
  }

  /** Forgets the windows, which may be closed meanwhile. */
  reset(): void {
    this.fromMs = Infinity;
    this.untilMs = -Infinity;
    for (const window of this.all) window.startMs = Infinity;
  }

  /**
   * Goes to the windows of an event, unless it is there.
   *
   * @param closedEarly As `start end`.
   */
  moveTo(
    eventMs: number,
    windows: OpenWindows,
    closedEarly: ReadonlySet<string>,
    dropped: DroppedWindows,
  ): void {
    if (eventMs >= this.fromMs && eventMs < this.untilMs) return;
    this.fromMs = -Infinity;
    this.untilMs = Infinity;
    this.takeUntilMs = Infinity;
    for (const window of this.all) {
      const { aheadMs, tier: { hopMs, lengthMs } } = window;
      const hopStartMs = Math.floor(eventMs / hopMs) * hopMs;
      const startMs = hopStartMs - aheadMs;
      if (startMs !== window.startMs) {
        const endMs = startMs + lengthMs;
        window.startMs = startMs;
        window.endMs = endMs;
        window.open = windows.find(startMs, endMs);
        window.isDropped = dropped.has(lengthMs, endMs);
        window.isClosedEarly = closedEarly.size > 0 && closedEarly.has(`${startMs} ${endMs}`);
      }
      this.fromMs = Math.max(this.fromMs, hopStartMs);
      this.untilMs = Math.min(this.untilMs, hopStartMs + hopMs);
      const { endMs, isClosedEarly, isDropped } = window;
      this.takeUntilMs = Math.min(this.takeUntilMs, isClosedEarly || isDropped ? -Infinity : endMs);
    }
  }

  /**
   * The windows that take an event: open ones, and closed ones within the horizon. So each tier has what it
   * would have without the others. The array is valid until the next call.
   */
  judge(eventMs: number, lateness: Lateness): readonly CurrentWindow[] {
    const { watermarkMs, greatestMs, allowedLatenessMs, correctionHorizonMs } = lateness;
    this.taking.length = 0;
    this.isLate = false;
    for (const window of this.all) {
      const { endMs, isDropped } = window;
      const isClosed = endMs <= watermarkMs || window.isClosedEarly;
      // An event is too late when the event time of its own partition has passed it, even where a slower one
      // still holds the window open. So the result does not depend on how the partitions interleave.
      if (isClosed || endMs <= greatestMs - allowedLatenessMs || isDropped) {
        const isBeyondHorizon = isDropped ||
          (correctionHorizonMs === 0 ? isClosed : eventMs <= greatestMs - correctionHorizonMs);
        if (isClosed || isBeyondHorizon) this.isLate = true;
        if (isBeyondHorizon) continue;
      }
      this.taking.push(window);
    }
    return this.taking;
  }

  private remember(series: number, w: number, slot: number, windows: OpenWindows): void {
    const room = windows.series.capacity * this.all.length;
    if (this.likely.length < room) {
      const grown = new Int32Array(room);
      grown.set(this.likely);
      this.likely = grown;
    }
    this.likely[series * this.all.length + w] = slot;
  }
}
