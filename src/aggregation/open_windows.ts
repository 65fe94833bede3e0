import type { HashKey } from "../event/keyed_hash.ts";
import type { Accumulator } from "./accumulator.ts";
import { FIRST, isPercentile, LAST, MAX, MIN } from "../event/agg_function.ts";
import type { CurrentWindow } from "./current_windows.ts";
import { grownFloat64, grownInt32 } from "./grown_column.ts";
import { QuantileSketch } from "./quantile_sketch.ts";
import { SeriesTable } from "./series_table.ts";
import { lengthOf } from "./tier.ts";

/** Accumulators in a page, which is the unit in which open windows are checkpointed. A power of two. */
export const PAGE_SLOTS = 256;
export const PAGE_SHIFT = 8;

/**
 * Numbers of a slot in `accumulators`, and the index of each. They lie side by side, so that a slot costs one
 * cache miss.
 */
export const SLOT = 4;
export const X = 0;
export const Y = 1;
export const COUNT = 2;

/**
 * Events that {@link OpenWindows.touch} takes at most. The memory that they need fits into the second-level
 * cache.
 */
export const TOUCH_RUN = 256;

/** Room for so many series, with their slots, fits into that cache by itself. */
const CACHED_SERIES = 4096;

/** An open window and the pages that hold its accumulators. */
export interface OpenWindow {
  readonly startMs: number;
  readonly endMs: number;
  /** The number by which pages name their window; never used again. */
  readonly number: number;
  readonly pages: number[];
}

/**
 * The accumulators of all open windows, in columns. A *slot* holds one series in one window. Slots come in
 * pages of {@link PAGE_SLOTS}, and a page belongs to one window. So closing a window frees whole pages, and a
 * checkpoint writes only the pages that events have touched. The open slots of a series form a chain from its
 * head, in the order of their windows' starts, the latest first. So finding a slot, or that there is none, is
 * nearly always one step, however many windows wait to be closed.
 */
export class OpenWindows {
  readonly series: SeriesTable;

  /** For each slot {@link SLOT} numbers: `x`, `y` and `count` of its accumulator. */
  accumulators = new Float64Array();
  slotSeries = new Int32Array();
  readonly sketches: Map<number, QuantileSketch> = new Map();
  pageUsed = new Uint16Array();
  /** Pages with accumulators changed since the last checkpoint. */
  pageTouched = new Uint8Array();
  /** Pages with slots added since the last checkpoint. */
  pageExtended = new Uint8Array();

  private slotNext = new Int32Array();
  /** Numbers of windows need more than 32 bits: late events at scattered times open a window each. */
  private pageWindow = new Float64Array();
  /** Start and length of the page's window, ms. */
  private pageStart = new Float64Array();
  private pageLength = new Float64Array();
  private readonly freePages: number[] = [];
  private readonly windows = new Map<string, OpenWindow>();
  private readonly likelySlots = new Int32Array(TOUCH_RUN);
  /**
   * Nobody reads it. It keeps the compiler from removing {@link touch} as useless. As a field, it would make
   * V8 throw away what it has compiled of this class when it first is no integer.
   */
  readonly touched = new Float64Array(1);
  private nextWindowNumber = 1;
  private liveSeries = 0;

  /** @param hashKey See {@link SeriesTable}. */
  constructor(hashKey: HashKey) {
    this.series = new SeriesTable(hashKey);
  }

  /** Series in the open windows. A series counts once for each length of windows that it is in. */
  get seriesCount(): number {
    return this.liveSeries;
  }

  get windowCount(): number {
    return this.windows.size;
  }

  get pagesInUse(): number {
    return this.pageUsed.length - this.freePages.length;
  }

  all(): IterableIterator<OpenWindow> {
    return this.windows.values();
  }

  find(startMs: number, endMs: number): OpenWindow | undefined {
    return this.windows.get(`${startMs} ${endMs}`);
  }

  open(startMs: number, endMs: number): OpenWindow {
    const window = { startMs, endMs, number: this.nextWindowNumber++, pages: [] };
    this.windows.set(`${startMs} ${endMs}`, window);
    return window;
  }

  /**
   * Loads the memory that a run of events will need into the processor's caches. See
   * {@link SeriesTable.touch}.
   */
  touch(nameHash: Int32Array, functionId: Int32Array, from: number, to: number): void {
    if (this.series.capacity <= CACHED_SERIES) return;
    const { accumulators, likelySlots } = this;
    let touched = this.series.touch(nameHash, functionId, from, to, likelySlots);
    for (let i = 0; i < to - from; i++) touched += accumulators[Math.max(0, likelySlots[i]!) * SLOT]!;
    this.touched[0] = touched;
  }

  /** As {@link touch}, for closing a window: loads what is read of the slots `from` to `to` of a list. */
  touchSlots(slots: Int32Array, from: number, to: number): void {
    const { accumulators, likelySlots: series, slotSeries } = this;
    let touched = 0;
    for (let i = from; i < to; i++) {
      touched += accumulators[slots[i]! * SLOT]!;
      series[i - from] = slotSeries[slots[i]!]!;
    }
    this.touched[0] = touched + this.series.touchSeries(series, to - from);
  }

  /** Whether a series is in an open window of that length. @param series -1: it is in none. */
  isInUse(series: number, lengthMs: number): boolean {
    let slot = series < 0 ? -1 : this.series.firstSlot(series);
    while (slot >= 0 && this.pageLength[slot >> PAGE_SHIFT] !== lengthMs) slot = this.slotNext[slot]!;
    return slot >= 0;
  }

  /** The slot of a series in a window, or -1. */
  findSlot(series: number, window: OpenWindow): number {
    const { number, startMs } = window;
    let slot = this.series.firstSlot(series);
    while (slot >= 0 && this.pageWindow[slot >> PAGE_SHIFT] !== number) {
      if (this.pageStart[slot >> PAGE_SHIFT]! < startMs) return -1;
      slot = this.slotNext[slot]!;
    }
    return slot;
  }

  /** Whether a number is that of the slot of a series in a window. Any number may be asked about. */
  isSlotOf(slot: number, series: number, window: OpenWindow): boolean {
    const page = slot >> PAGE_SHIFT;
    // A slot that is not used yet may still name the series that it had in a window before.
    return this.slotSeries[slot] === series && this.pageWindow[page] === window.number &&
      slot - page * PAGE_SLOTS < this.pageUsed[page]!;
  }

  /** The slots of a series in some windows. Opens the windows, and adds the slots, that are not there. */
  addSlots(series: number, windows: readonly CurrentWindow[], slots: Int32Array): void {
    for (let w = 0; w < windows.length; w++) {
      const window = windows[w]!;
      const { startMs, endMs } = window;
      window.open ??= this.find(startMs, endMs) ?? this.open(startMs, endMs);
      const slot = this.findSlot(series, window.open);
      slots[w] = slot < 0 ? this.addSlot(series, window.open) : slot;
    }
  }

  /** Adds a series to a window that it is not in, with nothing accumulated. */
  addSlot(series: number, window: OpenWindow): number {
    let page = window.pages.at(-1);
    if (page === undefined || this.pageUsed[page] === PAGE_SLOTS) {
      page = this.takePage(window);
      window.pages.push(page);
    }
    const slot = page * PAGE_SLOTS + this.pageUsed[page]!++;
    this.pageExtended[page] = 1;
    this.pageTouched[page] = 1;
    this.clear(slot, this.series.functionId(series));
    this.slotSeries[slot] = series;
    if (!this.isInUse(series, lengthOf(window))) this.liveSeries++;
    this.link(slot, series, window.startMs);
    return slot;
  }

  /** Forgets a window and frees its pages. Of several windows, the latest is best removed first. */
  remove(window: OpenWindow): void {
    for (const page of window.pages) {
      const end = page * PAGE_SLOTS + this.pageUsed[page]!;
      for (let slot = page * PAGE_SLOTS; slot < end; slot++) this.unlink(slot, lengthOf(window));
      this.pageUsed[page] = 0;
      this.pageTouched[page] = 0;
      this.pageExtended[page] = 0;
      this.freePages.push(page);
    }
    this.windows.delete(`${window.startMs} ${window.endMs}`);
  }

  accumulator(slot: number): Accumulator {
    return {
      functionId: this.series.functionId(this.slotSeries[slot]!),
      x: this.accumulators[slot * SLOT + X]!,
      y: this.accumulators[slot * SLOT + Y]!,
      count: this.accumulators[slot * SLOT + COUNT]!,
      sketch: this.sketches.get(slot),
    };
  }

  /** Events that a window has, each once for each of its series. */
  eventsIn({ pages }: OpenWindow): number {
    let events = 0;
    for (const page of pages) {
      const end = page * PAGE_SLOTS + this.pageUsed[page]!;
      for (let slot = page * PAGE_SLOTS; slot < end; slot++) {
        events += this.accumulators[slot * SLOT + COUNT]!;
      }
    }
    return events;
  }

  /** Tells that a checkpoint has written all changes. */
  markAllClean(): void {
    this.pageTouched.fill(0);
    this.pageExtended.fill(0);
  }

  private clear(slot: number, functionId: number): void {
    const isPercentileSlot = isPercentile(functionId);
    const row = slot * SLOT;
    this.accumulators[row + COUNT] = 0;
    this.accumulators[row + X] = functionId === MIN || isPercentileSlot
      ? Infinity
      : functionId === MAX
      ? -Infinity
      : 0;
    this.accumulators[row + Y] = functionId === FIRST
      ? Infinity
      : functionId === LAST || isPercentileSlot
      ? -Infinity
      : 0;
    if (isPercentileSlot) this.sketches.set(slot, new QuantileSketch());
  }

  private link(slot: number, series: number, startMs: number): void {
    let before = -1;
    let after = this.series.firstSlot(series);
    while (after >= 0 && this.pageStart[after >> PAGE_SHIFT]! > startMs) {
      before = after;
      after = this.slotNext[after]!;
    }
    this.slotNext[slot] = after;
    if (before < 0) this.series.setFirstSlot(series, slot);
    else this.slotNext[before] = slot;
  }

  private unlink(slot: number, lengthMs: number): void {
    const series = this.slotSeries[slot]!;
    if (this.series.firstSlot(series) === slot) {
      this.series.setFirstSlot(series, this.slotNext[slot]!);
    } else {
      let before = this.series.firstSlot(series);
      while (this.slotNext[before] !== slot) before = this.slotNext[before]!;
      this.slotNext[before] = this.slotNext[slot]!;
    }
    if (!this.isInUse(series, lengthMs)) this.liveSeries--;
    if (isPercentile(this.series.functionId(series))) this.sketches.delete(slot);
  }

  private takePage(window: OpenWindow): number {
    if (this.freePages.length === 0) this.growPages();
    const page = this.freePages.pop()!;
    this.pageWindow[page] = window.number;
    this.pageStart[page] = window.startMs;
    this.pageLength[page] = lengthOf(window);
    return page;
  }

  private growPages(): void {
    const pages = this.pageUsed.length;
    const grownPages = Math.max(16, pages * 2);
    const slots = grownPages * PAGE_SLOTS;
    this.accumulators = grownFloat64(this.accumulators, slots * SLOT);
    this.slotSeries = grownInt32(this.slotSeries, slots);
    this.slotNext = grownInt32(this.slotNext, slots);
    this.pageWindow = grownFloat64(this.pageWindow, grownPages);
    this.pageStart = grownFloat64(this.pageStart, grownPages);
    this.pageLength = grownFloat64(this.pageLength, grownPages);
    const used = new Uint16Array(grownPages);
    used.set(this.pageUsed);
    this.pageUsed = used;
    for (const column of ["pageTouched", "pageExtended"] as const) {
      const grown = new Uint8Array(grownPages);
      grown.set(this[column]);
      this[column] = grown;
    }
    // Pages are handed out from the end of the list, so the lowest page comes first.
    for (let page = grownPages - 1; page >= pages; page--) this.freePages.push(page);
  }
}
