import { type Accumulator, merge, valueOf } from "../../aggregation/accumulator.ts";
import type { Aggregate } from "../../aggregation/aggregate.ts";
import { type OpenWindow, type OpenWindows, TOUCH_RUN } from "../../aggregation/open_windows.ts";
import { lengthOf } from "../../aggregation/tier.ts";
import { functionName } from "../../event/agg_function.ts";
import { nameEnd, seriesOf } from "../../event/labels.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { ArchivedWindow } from "../outbox/archive.ts";
import { SegmentBuilder } from "../outbox/segment.ts";
import type { SinkRegistry } from "../outbox/sink_registry.ts";
import { addTo } from "../outbox/sink_tiers.ts";
import { type Closed, type ClosedSegment, finishSegment } from "./closed.ts";
import { ColumnWriter } from "./columns.ts";
import type { NameRoutes, RouteTable } from "./route_table.ts";
import { add, countsFor, fateIn, NOTHING, unroutedIn } from "./row_fates.ts";
import { type RowCount, slotsByHash, SORTED_PAGES } from "./slot_order.ts";

/** What a window costs besides its rows, in rows: a look for its archive. */
const WINDOW_COST = 16;
/** What a row costs that may be in the archive, in rows that are not. */
const ARCHIVED_COST = 4;

/**
 * Makes the rows of closing windows. A window that was closed before is merged with its archive: its changed
 * series come again, one revision higher, and the others stay.
 */
export class ClosingRows {
  private readonly builder = new SegmentBuilder();
  private readonly writer = new ColumnWriter();
  private readonly sinkBits = new Map<readonly string[], number>();

  /** @param revisionFloor The least revision. */
  constructor(
    private readonly state: StateDatabase,
    private readonly registry: SinkRegistry,
    private readonly routes: RouteTable,
    private readonly revisionFloor: number,
  ) {}

  /**
   * Makes the rows, and adds what they change to `closed`. Changes neither the windows nor the state. Yields
   * when a step is done.
   *
   * @param take Gets each run of rows; its bytes are valid until the next one.
   */
  *make(
    windows: OpenWindows,
    closing: readonly OpenWindow[],
    closed: Closed,
    count: RowCount,
    take: (segment: ClosedSegment) => void,
  ): Generator<void, void> {
    const { builder } = this;
    // An earlier try may have failed half way and left rows in the builder.
    builder.clear();
    for (const window of closing) {
      const archived = ArchivedWindow.load(this.state, window.startMs, window.endMs);
      const routes = this.routes.ofLength(lengthOf(window));
      const before = { events: closed.events, routed: new Map(closed.routed) };
      const rowCost = archived.isEmpty ? 1 : ARCHIVED_COST;
      if (count.isStep(WINDOW_COST)) yield;
      for (let page = 0; page < window.pages.length; page += SORTED_PAGES) {
        const slots = yield* slotsByHash(windows, window.pages.slice(page, page + SORTED_PAGES), count);
        for (let from = 0; from < slots.length; from += TOUCH_RUN) {
          const run = slots.subarray(from, from + TOUCH_RUN);
          windows.touchSlots(run, 0, run.length);
          for (const slot of run) {
            this.add(windows, window, slot, archived, routes, closed);
            if (builder.isFull) take(finishSegment(builder, this.writer, window));
          }
          if (count.isStep(run.length * rowCost)) yield;
        }
        if (builder.rowCount > 0) take(finishSegment(builder, this.writer, window));
      }
      noteLength(lengthOf(window), before, closed);
    }
  }

  private add(
    windows: OpenWindows,
    window: OpenWindow,
    slot: number,
    archived: ArchivedWindow,
    routes: NameRoutes,
    closed: Closed,
  ): void {
    const { series: table } = windows;
    const series = windows.slotSeries[slot]!;
    const hash = table.archiveHash(series);
    let accumulator = windows.accumulator(slot);
    let sinks = this.bitsOf(routes.always ?? routes.sinksFor(nameOf(table.nameBytes(series))));
    let newSinks = sinks;
    let revision = this.revisionFloor;
    let previousCount = 0;
    const before = archived.isEmpty
      ? undefined
      : archived.find(hash, accumulator.functionId, table.nameBytes(series));
    if (before) {
      accumulator = merge(before.segment.accumulator(before.row), accumulator);
      revision = Math.max(revision, before.segment.revision[before.row]! + 1);
      previousCount = before.segment.count[before.row]!;
      for (const sink of this.registry.sinks) {
        if (fateIn(sink, before) !== undefined) newSinks &= ~sink.bit;
      }
    }
    closed.events += accumulator.count - previousCount;
    if (sinks === 0) {
      closed.unrouted += accumulator.count - previousCount;
    } else if (!Number.isFinite(valueOf(accumulator))) {
      closed.notFinite.push(toAggregate(table.nameBytes(series), accumulator, window, revision));
      sinks = 0;
      newSinks = 0;
    } else if (before?.segment.sinks[before.row] === 0) {
      closed.unrouted -= unroutedIn(
        archived.revisions(hash, accumulator.functionId, table.nameBytes(series)),
      );
    }
    for (const sink of this.registry.sinks) {
      if ((sinks & sink.bit) === 0) continue;
      const had = before === undefined
        ? NOTHING
        : fateIn(sink, before) === "handed" || fateIn(sink, before) === "waiting"
        ? { handed: previousCount, givenUp: 0 }
        : countsFor(sink, archived.revisions(hash, accumulator.functionId, table.nameBytes(series)));
      add(closed.routed, sink.id, accumulator.count - had.handed);
      add(closed.recovered, sink.id, had.givenUp);
    }
    this.builder.add(accumulator, {
      hash,
      names: table.names,
      nameStart: table.nameStart(series),
      nameLength: table.nameLength(series),
      revision,
      previousCount,
      sinks,
      newSinks,
    });
  }

  private bitsOf(sinks: readonly string[]): number {
    let bits = this.sinkBits.get(sinks);
    if (bits === undefined) {
      bits = this.registry.bitsOf(sinks);
      this.sinkBits.set(sinks, bits);
    }
    return bits;
  }
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Notes what a window has added under its length. */
function noteLength(lengthMs: number, before: Pick<Closed, "events" | "routed">, closed: Closed): void {
  addTo(closed.eventsByLength, lengthMs, closed.events - before.events);
  for (const [sink, events] of closed.routed) {
    const byLength = closed.routedByLength.get(sink) ?? new Map<number, number>();
    addTo(byLength, lengthMs, events - (before.routed.get(sink) ?? 0));
    closed.routedByLength.set(sink, byLength);
  }
}

function nameOf(nameBytes: Uint8Array): string {
  return DECODER.decode(nameBytes.subarray(0, nameEnd(nameBytes)));
}

function toAggregate(
  nameBytes: Uint8Array,
  accumulator: Accumulator,
  window: OpenWindow,
  revision: number,
): Aggregate {
  return {
    ...seriesOf(DECODER.decode(nameBytes)),
    aggFunc: functionName(accumulator.functionId),
    value: valueOf(accumulator),
    windowStartMs: window.startMs,
    windowEndMs: window.endMs,
    count: accumulator.count,
    revision,
  };
}
