import { type Accumulator, merge, valueOf } from "../../aggregation/accumulator.ts";
import { functionId, functionName } from "../../event/agg_function.ts";
import { nameEnd, seriesKey, seriesOf } from "../../event/labels.ts";
import type { Aggregate } from "../../aggregation/aggregate.ts";
import { type OpenWindow, type OpenWindows, PAGE_SLOTS, TOUCH_RUN } from "../../aggregation/open_windows.ts";
import { archiveHash } from "../../aggregation/series_hash.ts";
import { lengthOf } from "../../aggregation/tier.ts";
import { ArchivedWindow } from "../outbox/archive.ts";
import { ColumnWriter } from "./columns.ts";
import { SegmentBuilder } from "../outbox/segment.ts";
import { addTo } from "../outbox/sink_tiers.ts";
import type { NameRoutes, RouteTable } from "./route_table.ts";
import type { SinkRegistry } from "../outbox/sink_registry.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { add, countsFor, fateIn, NOTHING, unroutedIn } from "./row_fates.ts";

/** The result of closing windows. The caller applies it once the transaction is committed. */
export interface Closed {
  /** The end of the outbox after closing. */
  endId: number;
  /**
   * Events that the closed aggregates have added: an event counts once for each of its series, not for each
   * revision.
   */
  events: number;
  /** The same by the length of the windows, ms. */
  readonly eventsByLength: Map<number, number>;
  /** Those that they have added for each sink. */
  readonly routed: Map<string, number>;
  /** The same by the length of the windows, ms. */
  readonly routedByLength: Map<string, Map<number, number>>;
  /**
   * Those of `routed` that were given up when the sink was removed, and that a correction delivers after all.
   */
  readonly recovered: Map<string, number>;
  /**
   * Events in aggregates that go to no sink by the operator's routes, less those that did not before and do
   * now.
   */
  unrouted: number;
  /** Aggregates whose value is not finite. */
  readonly notFinite: Aggregate[];
}

/** Rows sorted at a time: the sort key has 32 bits for the hash and 21 for the row. */
const SORTED_PAGES = (1 << 21) / PAGE_SLOTS;
const ROW_RANGE = 1 << 21;

/**
 * Writes the aggregates of closing windows as segments. A window that was closed before is merged with its
 * archive: its changed series are written again, one revision higher, and the others stay.
 */
export class WindowCloser {
  private readonly builder = new SegmentBuilder();
  private readonly writer = new ColumnWriter();
  private readonly sinkBits = new Map<readonly string[], number>();
  /**
   * The least revision: above 0 in a restored state, whose sinks may have aggregates that the state does not
   * know.
   */
  private readonly revisionFloor: number;

  constructor(
    private readonly state: StateDatabase,
    private readonly registry: SinkRegistry,
    private routes: RouteTable,
  ) {
    const floor = state.get<{ value: number }>("SELECT value FROM account WHERE name = 'revision_floor'");
    this.revisionFloor = floor?.value ?? 0;
  }

  /** Replaces the routes for windows that close from now on. */
  reroute(routes: RouteTable): void {
    this.routes = routes;
    this.sinkBits.clear();
  }

  /** Closes the windows within the transaction of the caller. Does not change `windows`. */
  close(windows: OpenWindows, closing: readonly OpenWindow[], endId: number, nowMs: number): Closed {
    const closed: Closed = {
      endId,
      events: 0,
      eventsByLength: new Map(),
      routed: new Map(),
      routedByLength: new Map(),
      recovered: new Map(),
      unrouted: 0,
      notFinite: [],
    };
    // An earlier try may have failed half way and left rows in the builder.
    this.builder.clear();
    for (const window of closing) {
      const archived = ArchivedWindow.load(this.state, window.startMs, window.endMs);
      const routes = this.routes.ofLength(lengthOf(window));
      const before = { events: closed.events, routed: new Map(closed.routed) };
      for (let page = 0; page < window.pages.length; page += SORTED_PAGES) {
        const pages = window.pages.slice(page, page + SORTED_PAGES);
        const slots = slotsByHash(windows, pages);
        for (let i = 0; i < slots.length; i++) {
          if (i % TOUCH_RUN === 0) windows.touchSlots(slots, i, Math.min(i + TOUCH_RUN, slots.length));
          this.closeSlot(windows, window, slots[i]!, archived, routes, closed);
          if (this.builder.isFull) this.flush(window, false, closed, nowMs);
        }
        this.flush(window, false, closed, nowMs);
      }
      noteLength(lengthOf(window), before, closed);
    }
    return closed;
  }

  /**
   * Puts an aggregate that `sink` has rejected into the outbox again, for that sink alone, within the
   * transaction of the caller. `superseded`: a newer revision, which includes it, has reached the sink, is on
   * its way there, or is a dead letter itself. `impossible`: the archive no longer has the aggregate.
   */
  reissue(
    sink: string,
    aggregate: Aggregate,
    archived: ArchivedWindow,
    closed: Closed,
    nowMs: number,
  ): "reissued" | "superseded" | "impossible" {
    const window = { startMs: aggregate.windowStartMs, endMs: aggregate.windowEndMs };
    const nameBytes = ENCODER.encode(seriesKey(aggregate.name, aggregate.labels));
    const id = functionId(aggregate.aggFunc);
    const hash = archiveHash(nameBytes, 0, nameBytes.length, id);
    const registered = this.registry.get(sink);
    const newest = archived.revisions(hash, id, nameBytes).find((revision) =>
      !["given-up", undefined].includes(fateIn(registered, revision))
    );
    if (!newest) return "impossible";
    const { segment, row } = newest;
    const revision = segment.revision[row]!;
    if (revision > aggregate.revision) return "superseded";
    if (revision < aggregate.revision) return "impossible";
    this.builder.add(segment.accumulator(row), {
      hash,
      names: nameBytes,
      nameStart: 0,
      nameLength: nameBytes.length,
      revision,
      previousCount: segment.previousCount[row]!,
      sinks: registered.bit,
      newSinks: 0,
    });
    this.flush(window, true, closed, nowMs);
    return "reissued";
  }

  private closeSlot(
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

  private flush(
    window: { readonly startMs: number; readonly endMs: number },
    isReissued: boolean,
    closed: Closed,
    nowMs: number,
  ): void {
    const { rowCount, firstHash, lastHash, sinkBits } = this.builder;
    if (rowCount === 0) return;
    this.state.seal.put("segment", {
      first_id: closed.endId,
      row_count: rowCount,
      window_start_ms: window.startMs,
      window_end_ms: window.endMs,
      first_hash: firstHash,
      last_hash: lastHash,
      sink_bits: sinkBits,
      reissued: isReissued ? 1 : 0,
      closed_at_ms: nowMs,
      rows: this.builder.finish(this.writer),
    });
    closed.endId += rowCount;
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

const ENCODER = new TextEncoder();
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

/** The slots of pages in the order of their series' unsigned hash. */
function slotsByHash(windows: OpenWindows, pages: readonly number[]): Int32Array {
  const slots = new Int32Array(pages.reduce((sum, page) => sum + windows.pageUsed[page]!, 0));
  const keys = new Float64Array(slots.length);
  let row = 0;
  for (const page of pages) {
    for (let i = 0; i < windows.pageUsed[page]!; i++, row++) {
      slots[row] = page * PAGE_SLOTS + i;
      keys[row] = (windows.series.archiveHash(windows.slotSeries[slots[row]!]!) >>> 0) * ROW_RANGE + row;
    }
  }
  keys.sort();
  return Int32Array.from(keys, (key) => slots[key % ROW_RANGE]!);
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
