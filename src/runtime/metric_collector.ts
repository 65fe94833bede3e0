import { BOOK_ENTRIES, type EventBooks } from "../aggregation/event_books.ts";
import type { OutboxBatch } from "../contract/sink.ts";
import type { DeliveryObserver } from "../delivery/delivery_observer.ts";
import type { StepSeconds } from "../ingest/ingest_options.ts";
import { type RefusalKind, refusalKind } from "../ingest/refusal_kind.ts";
import { COUNTERS } from "../state/checkpoint/counters.ts";
import type { Counts } from "../state/checkpoint/counts.ts";
import type { DeadLetterReason } from "../state/letters/dead_letter_reason.ts";
import type { RefusedEvent } from "../state/letters/dead_letters.ts";
import { Histogram } from "./histogram.ts";
import { Pace } from "./pace.ts";

/** The work since the process started; counters never go down. Durations in seconds. */
export interface Activity {
  readonly counts: Counts;
  readonly buses: ReadonlyMap<string, BusCounters>;
  readonly sinks: ReadonlyMap<string, SinkCounters>;
  /** Refused events by reason and kind. */
  readonly refusals: readonly {
    readonly reason: DeadLetterReason;
    readonly kind: RefusalKind;
    count: number;
  }[];
  /** Decoding and aggregating a batch. */
  readonly processing: Histogram;
  readonly decoding: Histogram;
  readonly aggregating: Histogram;
  readonly checkpoints: Histogram;
  /** Sends of the handler's own metrics to a bus. */
  readonly sends: { done: number; failed: number };
  /** That of what closing windows put into the outbox. */
  readonly closing: Pace;
}

export interface BusCounters {
  readonly events: EventBooks;
  /** A read that brought events, with the wait for the first one. */
  readonly fetching: Histogram;
}

export interface SinkCounters {
  delivered: number;
  /** That of `delivered`. */
  readonly pace: Pace;
  rejected: number;
  readonly failures: Record<FailureKind, number>;
  /** Writing a batch. */
  readonly seconds: Histogram;
  /** From the close of a window until the sink has its aggregates; the oldest window of each batch. */
  readonly sinceClosed: Histogram;
}

export type FailureKind = "unavailable" | "rejected" | "misconfigured";

const NAMES = [...BOOK_ENTRIES, ...COUNTERS];
const STEP_SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1];
const CHECKPOINT_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];
const FETCH_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
const DELIVERY_SECONDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];
const SINCE_CLOSED_SECONDS = [0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800, 3600, 21_600, 86_400];

/** All parts report to it, and all outlets of metrics read from it. */
export class MetricCollector implements DeliveryObserver {
  private readonly processing = new Histogram(STEP_SECONDS);
  private readonly decoding = new Histogram(STEP_SECONDS);
  private readonly aggregating = new Histogram(STEP_SECONDS);
  private readonly closing = new Pace();
  private readonly checkpoints = new Histogram(CHECKPOINT_SECONDS);
  private readonly sinks = new Map<string, SinkCounters>();
  private readonly buses = new Map<string, BusCounters>();
  private readonly refusals = new Map<string, Activity["refusals"][number]>();
  private readonly sends = { done: 0, failed: 0 };
  private readonly counted = Object.fromEntries(NAMES.map((name) => [name, 0])) as unknown as Counts;
  private seen: Readonly<Counts> | undefined;

  /** Takes the counts before the process has done anything: they are not its own work. */
  begin(counts: Readonly<Counts>, buses: readonly string[], sinks: readonly string[]): void {
    this.seen = counts;
    for (const name of buses) this.bus(name);
    for (const name of sinks) this.sink(name);
  }

  processed(
    source: string,
    { fetch, decode, aggregate }: StepSeconds,
    before: Readonly<EventBooks>,
    after: Readonly<EventBooks>,
  ): void {
    const { events, fetching } = this.bus(source);
    fetching.observe(fetch);
    this.decoding.observe(decode);
    this.aggregating.observe(aggregate);
    this.processing.observe(decode + aggregate);
    for (const entry of BOOK_ENTRIES) events[entry] += after[entry] - before[entry];
  }

  /** @param outboxEndId One past the newest outbox id. */
  checkpointed(seconds: number, outboxEndId: number, nowMs: number): void {
    this.checkpoints.observe(seconds);
    this.closing.note(nowMs, outboxEndId);
  }

  refused(event: RefusedEvent): void {
    const [reason, kind] = [event.reason, refusalKind(event)];
    const key = `${reason} ${kind}`;
    const known = this.refusals.get(key);
    if (known) known.count++;
    else this.refusals.set(key, { reason, kind, count: 1 });
  }

  delivered(sink: string, { aggregates, closedMs }: OutboxBatch, seconds: number, nowMs: number): void {
    const counters = this.sink(sink);
    counters.delivered += aggregates.length;
    counters.pace.note(nowMs, counters.delivered);
    counters.seconds.observe(seconds);
    // The clock may have been set back.
    if (closedMs !== undefined) counters.sinceClosed.observe(Math.max(0, nowMs - closedMs) / 1000);
  }

  failed(sink: string, kind: FailureKind): void {
    this.sink(sink).failures[kind]++;
  }

  rejected(sink: string, aggregates: number): void {
    this.sink(sink).rejected += aggregates;
  }

  /** The handler's own metrics were sent to a bus, or could not be. */
  sent(isDone: boolean): void {
    this.sends[isDone ? "done" : "failed"]++;
  }

  /** @param counts The present counts. An operator's retry lowers them, but not the counters. */
  activity(counts: Readonly<Counts>): Activity {
    for (const name of NAMES) this.counted[name] += Math.max(0, counts[name] - this.seen![name]);
    this.seen = counts;
    const { aggregating, buses, checkpoints, closing, decoding, processing, sends, sinks } = this;
    return {
      counts: { ...this.counted },
      buses,
      sinks,
      refusals: [...this.refusals.values()],
      processing,
      decoding,
      aggregating,
      checkpoints,
      closing,
      sends,
    };
  }

  private bus(name: string): BusCounters {
    const known = this.buses.get(name);
    if (known) return known;
    const events = Object.fromEntries(BOOK_ENTRIES.map((entry) => [entry, 0])) as unknown as EventBooks;
    const counters: BusCounters = { events, fetching: new Histogram(FETCH_SECONDS) };
    this.buses.set(name, counters);
    return counters;
  }

  private sink(name: string): SinkCounters {
    const known = this.sinks.get(name);
    if (known) return known;
    const counters: SinkCounters = {
      delivered: 0,
      pace: new Pace(),
      rejected: 0,
      failures: { unavailable: 0, rejected: 0, misconfigured: 0 },
      seconds: new Histogram(DELIVERY_SECONDS),
      sinceClosed: new Histogram(SINCE_CLOSED_SECONDS),
    };
    this.sinks.set(name, counters);
    return counters;
  }
}
