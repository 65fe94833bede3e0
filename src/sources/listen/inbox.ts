import type { RecordRun } from "./decoder.ts";
import { InboxFullError } from "./inbox_full_error.ts";
import { PushTraces } from "./push_traces.ts";
import { RecentRuns } from "./recent_runs.ts";
import type { KeyedAnswer, RequestMark } from "./answer_store.ts";
import { InboxStore, type StoredRun, weightOf } from "./inbox_store.ts";
import { partsOf } from "./run_parts.ts";

/** A read takes these bytes and one run at most. */
const READ_MAX_BYTES = 4 * 1024 * 1024;

/**
 * How long a commit waits for requests that have begun to come, at most. Each commit waits for the disk, so
 * many requests must share one.
 */
const GATHER_MS = 5;

/** A part of a run: its records from number `from` up to `to`. */
export interface RunPart {
  readonly run: StoredRun;
  readonly from: number;
  readonly to: number;
}

/** What waits for the next commit. */
interface Waiting {
  readonly runs: readonly StoredRun[];
  readonly keyed: KeyedAnswer | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A durable, bounded log of records. What was appended is on disk once the promise resolves. Requests that
 * come at the same time share one commit: while one waits for the disk, the next requests gather.
 */
export class Inbox {
  private oldest: number;
  private end: number;
  /** How far it was read at least once. */
  private readTo: number;
  /** Offset after the records that wait for the commit. */
  private endWaiting: number;
  private weight: number;
  private weightWaiting = 0;
  private waiting: Waiting[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Requests that have begun to come and have appended nothing yet. */
  private coming = 0;
  /** When the commit that waits was wanted first, by the monotonic clock, ms. */
  private wantedMs = 0;
  private trimTo = 0;
  private readonly recent = new RecentRuns();
  /** The traces of the latest pushes, by the offset of their first record. */
  readonly traces = new PushTraces();
  private readonly wakes = new Set<() => void>();
  private isClosed = false;
  /** How many of the newest records were gone when it was opened, though they had been kept. */
  readonly gone: number;

  private constructor(private readonly store: InboxStore, public maxBytes: number) {
    const { first, next, weight, gone } = store.bounds();
    this.gone = gone;
    this.oldest = first;
    this.end = this.endWaiting = this.readTo = next;
    this.weight = weight;
  }

  /** @throws {UnfitFile} or SQLite's error. */
  static open(path: string, maxBytes: number): Inbox {
    return new Inbox(InboxStore.open(path), maxBytes);
  }

  /** Another inbox has another one. */
  get id(): string {
    return this.store.id;
  }

  /** Why nothing more can be appended; undefined: it can be. */
  get fault(): string | undefined {
    return this.store.fault;
  }

  /** Offset of the oldest record. */
  get first(): number {
    return this.oldest;
  }

  /** Offset that the next record gets. */
  get next(): number {
    return this.end;
  }

  /** Nobody has read beyond this offset, unless in a file that was here before this one. */
  get reached(): number {
    return Math.max(this.readTo, this.oldest);
  }

  /** What its records take, those that wait for the commit included. */
  get bytes(): number {
    return this.weight + this.weightWaiting;
  }

  /** Whether nothing more is taken. */
  get isFull(): boolean {
    return this.bytes >= this.maxBytes;
  }

  /** Tells that a request begins to come. The function that is returned tells that it is appended, or not. */
  expect(): () => void {
    this.coming++;
    let isOver = false;
    return () => {
      if (!isOver) this.coming--;
      isOver = true;
    };
  }

  /**
   * Appends records, all or none of them, and the answer to the request that brought them. Resolves to the
   * offset after them.
   *
   * @param arrivedMs Unix ms.
   * @param keyedAt The answer, by that offset; undefined: it is not remembered.
   * @throws {InboxFullError} None was appended.
   * @throws SQLite's error. None was appended.
   */
  append(
    runs: readonly RecordRun[],
    arrivedMs: number,
    keyedAt?: (next: number) => KeyedAnswer,
  ): Promise<number> {
    if (this.isClosed) return Promise.reject(new Error("the inbox is closed"));
    const parts = runs.flatMap((run) => [...partsOf(run)]);
    const weight = parts.reduce((sum, run) => sum + weightOf(run), 0);
    if (this.bytes + weight > this.maxBytes) {
      return Promise.reject(InboxFullError.of(weight, this.maxBytes));
    }
    this.weightWaiting += weight;
    const stored = parts.map((run) => {
      const first = this.endWaiting;
      this.endWaiting += run.records.ends.length;
      this.traces.note(first, run.traceparent);
      return { ...run, first, arrivedMs };
    });
    return new Promise((resolve, reject) => {
      const next = this.endWaiting;
      this.waiting.push({ runs: stored, keyed: keyedAt?.(next), resolve: () => resolve(next), reject });
      this.commitSoon();
    });
  }

  /** The answer that the request with this key had. */
  answerFor(mark: RequestMark, key: string): Pick<KeyedAnswer, "digest" | "answer"> | undefined {
    return this.store.answerFor(mark, key);
  }

  /** The bytes of the bodies of the latest requests that are known by what they say, the latest first. */
  latestBodyLengths(requestsMax: number): number[] {
    return this.store.latestBodyLengths(requestsMax);
  }

  /**
   * Records from `offset` on, all of one way to read them. The offset must be in the inbox.
   *
   * @param limit Records at most.
   */
  read(offset: number, limit: number): RunPart[] {
    const parts: RunPart[] = [];
    let [left, bytes] = [limit, 0];
    for (const run of this.runsFrom(offset)) {
      if (run.first > offset + limit - left) break;
      if (parts.length > 0 && run.format !== parts[0]!.run.format) break;
      const from = Math.max(0, offset - run.first);
      // Only as a whole a run need not be decoded again.
      if (parts.length > 0 && run.decoded !== undefined && run.records.ends.length > left) break;
      const to = Math.min(run.records.ends.length, from + left);
      parts.push({ run, from, to });
      left -= to - from;
      bytes += run.records.bytes.length;
      if (left === 0 || bytes >= READ_MAX_BYTES) break;
    }
    const end = offset + limit - left;
    this.readTo = Math.max(this.readTo, end);
    // Should they be asked for once more, the file has them.
    this.recent.deleteBefore(end);
    return parts;
  }

  /** Offset of the first record from this offset on, or of the next one to come. Those between are gone. */
  presentFrom(offset: number): number {
    if (offset >= this.end || this.recent.at(offset) !== undefined) return offset;
    return this.store.presentFrom(offset) ?? this.end;
  }

  /** How many records the inbox whose file was here before had from this position on; 0: it is unknown. */
  goneWith(id: string, position: string | undefined): number {
    const end = this.store.promisedBy(id);
    return end === 0 ? 0 : Math.max(0, end - Number(position ?? 0));
  }

  /** Resolves when there is a record at or after `offset`, after `waitMs`, or when the signal fires. */
  waitFor(offset: number, waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.end > offset || waitMs === 0 || this.isClosed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.wakes.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      this.wakes.add(done);
      signal.addEventListener("abort", done);
    });
  }

  /**
   * Records below this offset are not needed any more. Those of whole runs are deleted with the next commit.
   */
  release(offset: number): void {
    if (offset <= this.trimTo || this.isClosed) return;
    this.trimTo = offset;
    this.commitSoon();
  }

  /** Commits what waits, and closes the file. */
  close(): void {
    if (this.isClosed) return;
    this.commit();
    this.isClosed = true;
    this.wake();
    this.store.close();
  }

  private *runsFrom(offset: number): Generator<StoredRun> {
    let at = offset;
    for (let run = this.recent.at(at); run !== undefined; run = this.recent.at(at)) {
      at += run.records.ends.length;
      yield run;
    }
    if (at < this.end) yield* this.store.runsFrom(at);
  }

  private commitSoon(): void {
    if (this.timer !== undefined) return;
    this.wantedMs = performance.now();
    this.timer = setTimeout(() => this.commitWhenGathered(), 0);
  }

  private commitWhenGathered(): void {
    if (this.coming === 0 || performance.now() - this.wantedMs >= GATHER_MS) return this.commit();
    this.timer = setTimeout(() => this.commitWhenGathered(), 0);
  }

  private commit(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { waiting } = this;
    this.waiting = [];
    const runs = waiting.flatMap(({ runs }) => runs);
    const answers = waiting.flatMap(({ keyed }) => keyed ?? []);
    const next = this.endWaiting;
    const trimTo = Math.min(this.trimTo, this.end);
    if (runs.length === 0 && answers.length === 0 && trimTo <= this.oldest) {
      for (const { resolve } of waiting) resolve();
      return;
    }
    let change: ReturnType<InboxStore["commit"]>;
    try {
      change = this.store.commit({ runs, answers, next, trimTo });
    } catch (error) {
      this.endWaiting = this.end;
      this.weightWaiting = 0;
      for (const { reject } of waiting) reject(error);
      return;
    }
    this.weightWaiting = 0;
    this.end = next;
    this.oldest = change.first;
    this.weight += runs.reduce((sum, run) => sum + weightOf(run), 0) - change.freed;
    for (const { resolve } of waiting) resolve();
    for (const run of runs) this.recent.add(run);
    if (runs.length > 0) this.wake();
  }

  private wake(): void {
    for (const wake of [...this.wakes]) wake();
  }
}
