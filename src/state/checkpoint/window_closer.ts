import type { Aggregate } from "../../aggregation/aggregate.ts";
import type { EventAggregator } from "../../aggregation/event_aggregator.ts";
import { type OpenWindow, PAGE_SLOTS } from "../../aggregation/open_windows.ts";
import { archiveHash } from "../../aggregation/series_hash.ts";
import { functionId } from "../../event/agg_function.ts";
import { seriesKey } from "../../event/labels.ts";
import { atOnce } from "../../platform/clock/steps.ts";
import { freeMemoryOf } from "../../platform/process/memory.ts";
import type { StateDatabase } from "../file/state_database.ts";
import type { ArchivedWindow } from "../outbox/archive.ts";
import { SegmentBuilder } from "../outbox/segment.ts";
import type { SinkRegistry } from "../outbox/sink_registry.ts";
import { type Closed, type ClosedSegment, finishSegment, nothingClosed } from "./closed.ts";
import { ClosingRows } from "./closing_rows.ts";
import { ColumnWriter } from "./columns.ts";
import type { RouteTable } from "./route_table.ts";
import { fateIn } from "./row_fates.ts";
import { RowCount } from "./slot_order.ts";

/** Rows that are made before whatever waits for the event loop has a turn: they take some milliseconds. */
const ROWS_A_STEP = 8192;

/** The rows of windows, made before the transaction that closes them. */
interface PreparedWindows {
  readonly windows: ReadonlySet<OpenWindow>;
  /** See {@link EventAggregator.changes}. */
  readonly changes: number;
  readonly closed: Closed;
  readonly segments: readonly ClosedSegment[];
}

/** Writes the aggregates of closing windows as segments. */
export class WindowCloser {
  private rows: ClosingRows;
  /** For {@link prepare}: other checkpoints may be made in between. */
  private rowsAhead: ClosingRows;
  private prepared: PreparedWindows | undefined;
  /** For aggregates that are put out again. */
  private readonly builder = new SegmentBuilder();
  private readonly writer = new ColumnWriter();
  /**
   * The least revision: above 0 in a restored state, whose sinks may have aggregates that the state does not
   * know.
   */
  private readonly revisionFloor: number;

  /** @param rowsAStep See {@link ROWS_A_STEP}. */
  constructor(
    private readonly state: StateDatabase,
    private readonly registry: SinkRegistry,
    private routes: RouteTable,
    private readonly rowsAStep = ROWS_A_STEP,
  ) {
    const floor = state.get<{ value: number }>("SELECT value FROM account WHERE name = 'revision_floor'");
    this.revisionFloor = floor?.value ?? 0;
    this.rows = this.newRows();
    this.rowsAhead = this.newRows();
  }

  /** Replaces the routes for windows that close from now on. */
  reroute(routes: RouteTable): void {
    this.routes = routes;
    this.rows = this.newRows();
    this.rowsAhead = this.newRows();
    this.prepared = undefined;
  }

  /** Whether the windows have so many rows that they should be {@link prepare}d. */
  areMany(closing: readonly OpenWindow[]): boolean {
    return closing.reduce((pages, window) => pages + window.pages.length, 0) * PAGE_SLOTS > this.rowsAStep;
  }

  /**
   * Makes the rows of windows that {@link close} is about to close, in steps. Where anything changes
   * meanwhile that they depend on, they are made anew by {@link close}.
   *
   * @param giveWay Resolves when whatever waits for the event loop had its turn.
   * @throws {StateError}
   */
  async prepare(
    aggregator: EventAggregator,
    closing: readonly OpenWindow[],
    giveWay: () => Promise<void>,
  ): Promise<void> {
    const { routes } = this;
    const { changes } = aggregator;
    const closed = nothingClosed();
    const segments: ClosedSegment[] = [];
    this.prepared = undefined;
    const steps = this.rowsAhead.make(
      aggregator.windows,
      closing,
      closed,
      new RowCount(this.rowsAStep),
      (segment) => segments.push({ ...segment, rows: segment.rows.slice() }),
    );
    while (!steps.next().done) {
      await giveWay();
      if (aggregator.changes !== changes || this.routes !== routes) return;
    }
    this.prepared = { windows: new Set(closing), changes, closed, segments };
  }

  /** Closes the windows within the transaction of the caller. Does not change the aggregator. */
  close(
    aggregator: EventAggregator,
    closing: readonly OpenWindow[],
    endId: number,
    nowMs: number,
  ): Closed {
    const prepared = this.takePrepared(aggregator, closing);
    const closed = { ...prepared?.closed ?? nothingClosed(), endId };
    const put = (segment: ClosedSegment) => this.put(segment, false, closed, nowMs);
    for (const segment of prepared?.segments ?? []) {
      put(segment);
      freeMemoryOf(segment.rows);
    }
    const others = closing.filter((window) => !prepared?.windows.has(window));
    atOnce(this.rows.make(aggregator.windows, others, closed, new RowCount(Infinity), put));
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
    this.put(finishSegment(this.builder, this.writer, window), true, closed, nowMs);
    return "reissued";
  }

  /**
   * What was prepared, if it still holds. It serves once: a transaction that fails leaves the counts half
   * added.
   */
  private takePrepared(
    { changes }: EventAggregator,
    closing: readonly OpenWindow[],
  ): PreparedWindows | undefined {
    const { prepared } = this;
    this.prepared = undefined;
    if (prepared?.changes !== changes) return undefined;
    // A clock that was set back may leave a window open after all.
    return prepared.windows.isSubsetOf(new Set(closing)) ? prepared : undefined;
  }

  private put(segment: ClosedSegment, isReissued: boolean, closed: Closed, nowMs: number): void {
    const { firstHash, lastHash, rowCount, rows, sinkBits, window } = segment;
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
      rows,
    });
    closed.endId += rowCount;
  }

  private newRows(): ClosingRows {
    return new ClosingRows(this.state, this.registry, this.routes, this.revisionFloor);
  }
}

const ENCODER = new TextEncoder();
