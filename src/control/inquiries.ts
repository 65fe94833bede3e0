import { commitsOf } from "../state/file/seal.ts";
import { type AggregatesPage, type AggregatesQuestion, searchAggregates } from "./aggregate_search.ts";
import { type BooksRecord, booksSteps } from "./books_record.ts";
import { type ClosedWindow, closedWindows } from "./closed_windows.ts";
import { type DeadLettersPage, type DeadLettersQuestion, searchDeadLetters } from "./dead_letter_search.ts";
import type { Installation } from "./installation.ts";
import type { SeriesMatcher } from "../event/series_filter.ts";
import { outboxEnd, type PassingAggregates, passingAggregates } from "./passing_aggregates.ts";
import { searchSeries, type SeriesPage, type SeriesQuestion } from "./series_search.ts";
import { SinkRows } from "./sink_rows.ts";
import { StateViews } from "./state_views.ts";
import { statusSteps } from "./status.ts";
import { type StatusReport, statusReport } from "./status_record.ts";
import { listWindows, type WindowsList, type WindowsQuestion } from "./window_list.ts";

/** What has become of a running handler's state. */
export interface Changes {
  /** Transactions of the state so far. */
  readonly commits: number;
  readonly status: StatusReport;
  readonly closed: readonly ClosedWindow[];
  /** One past the newest outbox id. */
  readonly outboxEndId: number;
}

/** Windows that {@link Inquiries.changes} tells of at once. */
const CLOSED_MAX = 500;

/**
 * The questions that can be asked about a running handler. They are answered from its state as of the last
 * checkpoint, through connections of their own, in short turns between which reading events goes on.
 */
export class Inquiries {
  private readonly views: StateViews;
  private readonly sinkRows: SinkRows;

  /**
   * @param installation What is in force at the moment.
   * @param nowMs Wall clock, Unix ms.
   */
  constructor(private readonly installation: () => Installation, private readonly nowMs: () => number) {
    this.views = new StateViews(installation().config.stateDir);
    this.sinkRows = new SinkRows(installation);
  }

  /** What `status --json` prints. @throws {StateError} @throws {BusyError} */
  status(): Promise<StatusReport> {
    return this.views.inOrder(async (signal) =>
      statusReport(await this.views.read((state) => statusSteps(state, this.nowMs()), signal), true)
    );
  }

  /** What a proof by somebody else needs. @throws {StateError} @throws {BusyError} */
  books(): Promise<BooksRecord> {
    const { registry } = this.installation();
    return this.views.inOrder((signal) => this.views.read((state) => booksSteps(state, registry), signal));
  }

  /** @throws {StateError} @throws {BusyError} @throws {QuestionError} */
  series(question: SeriesQuestion): Promise<SeriesPage> {
    return this.views.inOrder((signal) => this.views.read((state) => searchSeries(state, question), signal));
  }

  /** @throws {StateError} @throws {BusyError} @throws {QuestionError} */
  windows(question: WindowsQuestion): Promise<WindowsList> {
    return this.views.inOrder((signal) => this.views.read((state) => listWindows(state, question), signal));
  }

  /** @throws {StateError} @throws {BusyError} @throws {QuestionError} */
  aggregates(question: AggregatesQuestion): Promise<AggregatesPage> {
    return searchAggregates(this.views, this.sinkRows, question, this.nowMs());
  }

  /** @throws {StateError} @throws {BusyError} */
  deadLetters(question: DeadLettersQuestion): Promise<DeadLettersPage> {
    return this.views.inOrder((signal) =>
      this.views.read((state) => searchDeadLetters(state, question), signal)
    );
  }

  /**
   * See {@link passingAggregates}.
   *
   * @param fromId Undefined: from now on, which tells only where the next question goes on.
   * @throws {StateError}
   */
  passingAggregates(
    fromId: number | undefined,
    matcher: SeriesMatcher,
    signal: AbortSignal,
  ): Promise<PassingAggregates> {
    return this.views.read(
      (state) => passingAggregates(state, fromId ?? outboxEnd(state), matcher),
      signal,
    );
  }

  /**
   * What has changed since the state had `commits` transactions; undefined: nothing.
   *
   * @param fromId Windows are told of from this outbox id on; undefined: none.
   * @throws {StateError}
   */
  changes(commits: number, fromId: number | undefined, signal: AbortSignal): Promise<Changes | undefined> {
    const nowMs = this.nowMs();
    return this.views.read(function* (state) {
      const present = commitsOf(state);
      if (present === commits) return undefined;
      const status = yield* statusSteps(state, nowMs);
      return {
        commits: present,
        status: statusReport(status, true),
        closed: fromId === undefined ? [] : closedWindows(state, fromId, CLOSED_MAX),
        outboxEndId: status.outboxEndId,
      };
    }, signal);
  }
}
