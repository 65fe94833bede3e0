import { BusBook } from "./bus_book.ts";
import { type ExpectedRow, rowKey } from "./expected_row.ts";
import { type Chance, type DeadLetters, type FateOptions, Fates, functionsOf } from "./fates.ts";
import type { SimEvent } from "./plant.ts";
import type { Progress } from "./progress.ts";
import type { Job } from "./scenario.ts";
import type { SimBus } from "./sim_bus.ts";
import type { WallClock } from "./sim_clock.ts";

/** The books by the contract. */
export interface Counts {
  received: number;
  aggregated: number;
  duplicate: number;
  invalid: number;
  future: number;
  late: number;
  overflow: number;
  dropped: number;
  contributed: number;
  lost: number;
}

/** The settings that the results depend on. */
export interface ModelOptions extends FateOptions {
  readonly allowedLatenessMs: number;
  readonly idleTimeoutMs: number;
}

/**
 * The expected results, calculated from what the buses have sent. From the handler it takes one fact only:
 * how far it has read. Everything else follows by the contract: each event's fate, the books at every
 * checkpoint, and the rows in the end.
 */
export class Model {
  readonly counts: Counts = {
    received: 0,
    aggregated: 0,
    duplicate: 0,
    invalid: 0,
    future: 0,
    late: 0,
    overflow: 0,
    dropped: 0,
    contributed: 0,
    lost: 0,
  };
  readonly rows = new Map<string, ExpectedRow>();
  /** The text of each refused event. */
  refused: string[] = [];
  /** Refused events that were put back, and accepted. */
  acceptedAgain = 0;
  /** Refused events that may yet be accepted, by text. */
  private readonly waiting = new Map<
    string,
    { readonly bus: string; readonly event: SimEvent; reason: Chance }
  >();
  private readonly fates: Fates;
  private readonly books = new Map<string, BusBook>();
  /** No window that ends later may be closed for reasons of event time. */
  private watermarkLimitMs = -Infinity;

  constructor(private readonly options: ModelOptions, wall: WallClock, buses: readonly SimBus[]) {
    this.fates = new Fates(options, wall);
    for (const bus of buses) this.books.set(bus.name, new BusBook(bus, options.idleTimeoutMs));
  }

  /** What is known of the reading of a bus. */
  book(bus: string): BusBook {
    return this.books.get(bus)!;
  }

  /** Whether any bus has failed since the process began. */
  get hasHeardFailure(): boolean {
    return [...this.books.values()].some(({ hasHeardFailure }) => hasHeardFailure);
  }

  /** A process starts. It knows only what is durable. */
  restarted(nowMs: number): void {
    for (const book of this.books.values()) book.restarted(nowMs);
  }

  /**
   * A transaction says that the bus has been read to `progress`.
   *
   * @param mayHaveRead See {@link BusBook.committed}.
   * @param deadLetters The reasons of refused events, by their texts. They settle the fate of events for
   * which it depends on the moment.
   * @throws {Violation} The bus cannot have been read to there.
   */
  committed(
    bus: string,
    progress: Progress,
    mayHaveRead: boolean,
    job: Job,
    deadLetters: DeadLetters,
  ): void {
    const book = this.book(bus);
    for (const { events, lost, atMs } of book.committed(progress, mayHaveRead)) {
      this.counts.lost += lost;
      for (const event of events) this.take(bus, book, event, atMs, job, deadLetters);
    }
  }

  /**
   * The greatest end of a window that event time alone may have closed by now. Call after all buses
   * {@link committed}.
   */
  watermarkLimit(nowMs: number, wallMs: number): number {
    const { allowedLatenessMs } = this.options;
    let limitMs = Infinity;
    for (const book of this.books.values()) {
      book.noteIdleness(nowMs);
      if (!book.wasIdle) limitMs = Math.min(limitMs, book.greatestMs);
    }
    // Where all buses may be idle, the one that was read furthest may have become idle last.
    if (limitMs === Infinity) {
      limitMs = [...this.books.values()].reduce(
        (max, { greatestMs }) => Math.max(max, greatestMs),
        -Infinity,
      );
    }
    this.watermarkLimitMs = Math.max(this.watermarkLimitMs, limitMs - allowedLatenessMs);
    return Math.min(this.watermarkLimitMs, wallMs - allowedLatenessMs);
  }

  /** Notes the wall clock at a transaction. */
  clockSeen(wallMs: number): void {
    this.fates.clockSeen(wallMs);
  }

  /**
   * Whether all buses may have been idle at once since the last transaction. Forgets the time before this
   * one.
   */
  mayAllBeIdle(): boolean {
    return [...this.books.values()].map((book) => book.takeIdleness()).every((wasIdle) => wasIdle);
  }

  /**
   * Takes account of refused events that were put back: those that are no dead letters any more were
   * accepted. Call after all buses {@link committed}.
   */
  putBack(job: Job, deadLetters: DeadLetters): void {
    for (const [text, refused] of this.waiting) {
      const { bus, event, reason } = refused;
      const now = deadLetters.get(text);
      if (now === reason) continue;
      this.counts[reason]--;
      this.counts[now ?? "aggregated"]++;
      const book = this.book(bus);
      book.greatestMs = Math.max(book.greatestMs, event.timeMs);
      if (now !== undefined) {
        refused.reason = now;
        continue;
      }
      this.acceptedAgain++;
      this.waiting.delete(text);
      this.refused = this.refused.filter((other) => other !== text);
      this.aggregate(bus, event, job);
    }
  }

  private take(
    bus: string,
    book: BusBook,
    event: SimEvent,
    heardAtMs: number,
    job: Job,
    deadLetters: DeadLetters,
  ): void {
    const { counts } = this;
    counts.received++;
    const fate = this.fates.of(book, event, heardAtMs, job, deadLetters);
    counts[fate]++;
    if (fate === "aggregated") this.aggregate(bus, event, job);
    else if (fate !== "duplicate" && fate !== "dropped") this.refused.push(event.text);
    const isWaiting = fate === "future" || fate === "overflow" ||
      (fate === "late" && this.options.hasWrongClock);
    if (event.isChancy && isWaiting) {
      this.waiting.set(event.text, { bus, event, reason: fate });
    }
  }

  private aggregate(bus: string, event: SimEvent, { tiers, functions }: Job): void {
    for (const { lengthMs, hopMs } of tiers) {
      const lastMs = Math.floor(event.timeMs / hopMs) * hopMs;
      for (let startMs = lastMs; startMs > lastMs - lengthMs; startMs -= hopMs) {
        this.addToWindow(bus, event, functions, startMs, startMs + lengthMs);
      }
    }
  }

  private addToWindow(bus: string, event: SimEvent, functions: string, startMs: number, endMs: number): void {
    const { name, labels, value, timeMs } = event;
    for (const aggFunc of functionsOf(event, functions)) {
      const key = rowKey({ ...event, aggFunc, windowStartMs: startMs, windowEndMs: endMs });
      let row = this.rows.get(key);
      if (row === undefined) {
        this.rows.set(key, row = { name, labels, aggFunc, startMs, endMs, readings: new Map() });
      }
      const readings = row.readings.get(bus);
      if (readings === undefined) row.readings.set(bus, [{ value, timeMs }]);
      else readings.push({ value, timeMs });
      this.counts.contributed++;
    }
  }
}
