import { type Reading, valueFault } from "../support/oracle.ts";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import type { Said, SentRequest, SimBus } from "./sim_bus.ts";
import type { SimEvent } from "./plant.ts";
import type { Job } from "./scenario.ts";
import type { WallClock } from "./sim_clock.ts";
import { Violation } from "./violation.ts";

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

export interface ModelOptions {
  readonly correctionHorizonMs: number;
  readonly allowedLatenessMs: number;
  readonly idleTimeoutMs: number;
  readonly dedupMaxIds: number;
  readonly maxFutureSkewMs: number;
  readonly hasWrongClock: boolean;
  readonly tellsTime: boolean;
}

/** The progress of reading a bus, as the state has it or as it follows from what the bus has said. */
export interface Progress {
  readonly log: string | undefined;
  readonly next: number | undefined;
}

/** A reason for which an event may be refused, where that depends on the moment. */
export type Chance = "future" | "overflow" | "late";
export type DeadLetters = ReadonlyMap<string, Chance>;

interface BusBook {
  /** The bus itself, for its present log and events. */
  readonly bus: SimBus;
  durable: Progress;
  /** The events of its log below the durable progress, by offset. */
  read: Map<number, SimEvent>;
  /** What the running process has heard that no checkpoint covers yet. */
  heard: Heard[];
  /** The head of the last reply, where it was cut off and had one. */
  head: { readonly log: string; readonly offset: number } | undefined;
  /**
   * While the reader compares histories, the number of entries of `heard` that it has used before; undefined:
   * it does not compare. Its next request ends the comparison.
   */
  comparedAt: number | undefined;
  /** What {@link Model.parting} said at each look of the latest comparison: the bus may change meanwhile. */
  readonly partings: Set<number | undefined>;
  /** Requests without an answer yet. */
  sent: SentRequest[];
  /**
   * Whether the answer that the reader was waiting for was of no use, and the reader has not asked for it
   * again.
   */
  isAskingAnew: boolean;
  /** Greatest event time of the bus, as of the last checkpoint. */
  greatestMs: number;
  readonly ids: string[];
  /** When the bus last gave anything but an empty reply; simulated time. */
  lastStirMs: number;
  /**
   * Whether it may count as idle now. `wasIdle`: whether it may have at any time since the last transaction.
   */
  isIdle: boolean;
  wasIdle: boolean;
}

/** A series in a window and all that was ever aggregated into it. */
export interface ExpectedRow {
  readonly name: string;
  readonly labels: string | undefined;
  readonly aggFunc: string;
  readonly startMs: number;
  readonly endMs: number;
  /** The readings of each bus, in the order of their arrival. */
  readonly readings: Map<string, Reading[]>;
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
  private readonly buses = new Map<string, BusBook>();
  /** Whether any bus has failed since the process began. */
  hasHeardFailure = false;
  /** No window that ends later may be closed for reasons of event time. */
  private watermarkLimitMs = -Infinity;

  /** The latest that the wall clock has said at any transaction. */
  private clockSeenMs = -Infinity;

  constructor(
    private readonly options: ModelOptions,
    private readonly wall: WallClock,
    buses: readonly SimBus[],
  ) {
    for (const bus of buses) {
      this.buses.set(bus.name, {
        bus,
        read: new Map(),
        durable: { log: undefined, next: undefined },
        heard: [],
        head: undefined,
        comparedAt: undefined,
        partings: new Set(),
        sent: [],
        isAskingAnew: false,
        greatestMs: -Infinity,
        ids: [],
        lastStirMs: 0,
        isIdle: false,
        wasIdle: false,
      });
    }
  }

  /** A process starts. It knows only what is durable. */
  restarted(nowMs: number): void {
    this.hasHeardFailure = false;
    for (const book of this.buses.values()) {
      book.heard = [];
      book.comparedAt = undefined;
      book.partings.clear();
      book.sent = [];
      book.isAskingAnew = false;
      book.lastStirMs = nowMs;
      book.isIdle = false;
      book.wasIdle = false;
    }
  }

  sends(bus: string, offset: number | undefined, nowMs: number): SentRequest {
    const book = this.book(bus);
    if (this.findsOut(book, { log: this.offered(bus).log, next: offset })) book.lastStirMs = nowMs;
    else forgetUnused(book, offset);
    book.comparedAt = undefined;
    book.partings.clear();
    const { log, next } = this.offered(bus);
    if (offset === next) book.isAskingAnew = false;
    // A request that was sent ahead of a failed reply is given up. Of two requests for one offset, the first
    // is given up.
    const request = { offset, log, isLook: false, isVoid: book.isAskingAnew };
    for (const earlier of book.sent) earlier.isVoid ||= earlier.offset === offset;
    book.sent.push(request);
    return request;
  }

  /** The process asks for an event only to compare it with what it has read: for the last one first. */
  looks(bus: string, offset: number): SentRequest {
    const book = this.book(bus);
    if (book.comparedAt === undefined) {
      book.comparedAt = book.heard.length;
      const isAt = (count: number) => [...this.knownAfter(book, count).keys()].at(-1) === offset;
      while (book.comparedAt > 0 && !isAt(book.comparedAt)) book.comparedAt--;
    }
    book.partings.add(this.partingAfter(book, book.comparedAt));
    const { log, next } = this.progressAfter(book, book.comparedAt);
    return { offset: next, log, isLook: true, isVoid: false };
  }

  /**
   * The first offset at which the bus has another event than was read there, or none; undefined: there is no
   * such offset.
   */
  parting(bus: string): number | undefined {
    const book = this.book(bus);
    return this.partingAfter(book, book.heard.length);
  }

  private partingAfter(book: BusBook, count: number): number | undefined {
    const { log, first, next, events } = book.bus;
    const at = this.progressAfter(book, count);
    if (at.log !== log || at.next === undefined) return undefined;
    const known = this.knownAfter(book, count);
    for (let offset = first; offset < at.next; offset++) {
      if (offset >= next) return offset;
      if (known.has(offset) && known.get(offset) !== events[offset - first]) return offset;
    }
    return at.next < first || at.next <= next ? undefined : Math.max(first, next);
  }

  /**
   * Whether the reader goes on at `progress` because it has found something out by looking: that the bus has
   * another history from there on, or that its log begins there.
   */
  private findsOut(book: BusBook, progress: Progress): boolean {
    // Requests for what was heard since were sent ahead of the comparison. The reader drops their replies.
    const dropped = book.heard.splice(book.comparedAt ?? book.heard.length);
    const { log, next } = this.offered(book.bus.name);
    const { head } = book;
    const isLearnt = next === undefined && head !== undefined && (log ?? head.log) === head.log;
    const partings = [this.parting(book.bus.name), ...book.partings];
    const found = isLearnt ? head.offset : partings.find((parting) => parting === progress.next);
    if (
      found === undefined || progress.next !== found || progress.next === next ||
      (!isLearnt && progress.log !== log)
    ) {
      book.heard.push(...dropped);
      return false;
    }
    book.heard.push({
      request: { offset: next, log, isLook: true, isVoid: false },
      said: { kind: "found", log: isLearnt ? head.log : log!, next: found },
      atMs: 0,
    });
    book.comparedAt = undefined;
    book.partings.clear();
    return true;
  }

  /**
   * The events of its log that the reader knows after the first `count` entries of `heard`, by offset, in
   * their order.
   */
  private knownAfter({ read, durable, heard }: BusBook, count: number): Map<number, SimEvent> {
    const known = new Map(read);
    heard.slice(0, count).reduce((progress, heard) => {
      const step = follow(progress, heard);
      note(known, progress, step);
      return step.progress;
    }, durable);
    return known;
  }

  /** The progress of the reader after the first `count` entries of `heard`. */
  private progressAfter({ durable, heard }: BusBook, count: number): Progress {
    return heard.slice(0, count).reduce((progress, heard) => follow(progress, heard).progress, durable);
  }

  /**
   * @param isIdleAtOnce One empty reply makes the bus idle (`once`), for as long as the process lives.
   * @param isFarewell The process is about to end and looks at no reply any more.
   */
  heard(
    bus: string,
    request: SentRequest,
    said: Said,
    nowMs: number,
    isIdleAtOnce: boolean,
    isFarewell: boolean,
  ): void {
    const book = this.book(bus);
    if (request.isLook && said.kind !== "failure") return;
    if (request.isLook && book.comparedAt !== undefined) {
      // The reader drops what it has asked for ahead.
      book.heard.length = book.comparedAt;
      book.comparedAt = undefined;
      book.partings.clear();
    }
    book.sent = book.sent.filter((sent) => sent !== request);
    if (said.kind === "failure") book.head = said.head;
    if (request.isVoid) return;
    const at = this.offered(bus);
    // A reply that is of no use is an old one. The reader treats it as a failure.
    const { isOfUse } = follow(at, { request, said });
    this.hasHeardFailure ||= !isOfUse;
    if (!isOfUse && request.offset === at.next) {
      book.isAskingAnew = true;
      for (const sent of book.sent) sent.isVoid = true;
    }
    book.heard.push({ request, said, atMs: nowMs });
    const isEmpty = isOfUse && said.kind === "events" && said.events.length === 0;
    this.noteIdleness(book, nowMs);
    if (isEmpty && isIdleAtOnce) book.isIdle = book.wasIdle = true;
    if (isEmpty || isFarewell || (isIdleAtOnce && book.isIdle)) return;
    book.lastStirMs = nowMs;
    book.isIdle = false;
  }

  durable(bus: string): Progress {
    return this.book(bus).durable;
  }

  /** The furthest progress that the process may have made. */
  offered(bus: string): Progress {
    const { durable, heard } = this.book(bus);
    return heard.reduce((progress, heard) => follow(progress, heard).progress, durable);
  }

  /**
   * A checkpoint says that the bus has been read to `progress`.
   *
   * @param deadLetters The reasons of refused events, by their texts. They settle the fate of events for
   * which it depends on the moment.
   * @throws {Violation} The bus cannot have been read to there.
   */
  committed(bus: string, progress: Progress, job: Job, deadLetters: DeadLetters): void {
    const book = this.book(bus);
    // The last of several ways to this progress counts: a bus that was rolled back is read over the same
    // offsets again.
    let used = isSame(book.durable, progress) ? 0 : -1;
    book.heard.reduce((at, heard, i) => {
      const next = follow(at, heard).progress;
      if (isSame(next, progress)) used = i + 1;
      return next;
    }, book.durable);
    if (used < 0 && this.findsOut(book, progress)) used = book.heard.length;
    if (used < 0) {
      throw new Violation(
        `${bus}: the checkpoint says it is read to ${show(progress)}, but nothing it said leads there from ${
          show(book.durable)
        }`,
      );
    }
    let at = book.durable;
    for (const heard of book.heard.slice(0, used)) {
      const step = follow(at, heard);
      note(book.read, at, step);
      at = step.progress;
      this.counts.lost += step.lost;
      for (const event of step.events) this.take(bus, book, event, heard.atMs, job, deadLetters);
    }
    book.heard.splice(0, used);
    if (book.comparedAt !== undefined) book.comparedAt = Math.max(0, book.comparedAt - used);
    book.durable = progress;
  }

  /**
   * The greatest end of a window that event time alone may have closed by now. Call after all buses
   * {@link committed}.
   */
  watermarkLimit(nowMs: number, wallMs: number): number {
    const { allowedLatenessMs } = this.options;
    let limitMs = Infinity;
    for (const book of this.buses.values()) {
      this.noteIdleness(book, nowMs);
      if (!book.wasIdle) limitMs = Math.min(limitMs, book.greatestMs);
    }
    // Where all buses may be idle, the one that was read furthest may have become idle last.
    if (limitMs === Infinity) {
      limitMs = [...this.buses.values()].reduce(
        (max, { greatestMs }) => Math.max(max, greatestMs),
        -Infinity,
      );
    }
    this.watermarkLimitMs = Math.max(this.watermarkLimitMs, limitMs - allowedLatenessMs);
    return Math.min(this.watermarkLimitMs, wallMs - allowedLatenessMs);
  }

  /** Notes the wall clock at a transaction. */
  clockSeen(wallMs: number): void {
    this.clockSeenMs = Math.max(this.clockSeenMs, wallMs);
  }

  /**
   * Whether all buses may have been idle at once since the last transaction. Forgets the time before this
   * one.
   */
  mayAllBeIdle(): boolean {
    let all = true;
    for (const book of this.buses.values()) {
      all &&= book.wasIdle;
      book.wasIdle = book.isIdle;
    }
    return all;
  }

  private noteIdleness(book: BusBook, nowMs: number): void {
    if (nowMs - book.lastStirMs >= this.options.idleTimeoutMs) book.isIdle = book.wasIdle = true;
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
    const fate = this.fateOf(book, event, heardAtMs, job, deadLetters);
    counts[fate]++;
    if (fate === "aggregated") this.aggregate(bus, event, job);
    else if (fate !== "duplicate" && fate !== "dropped") this.refused.push(event.text);
    const isWaiting = fate === "future" || fate === "overflow" ||
      (fate === "late" && this.options.hasWrongClock);
    if (event.isChancy && isWaiting) {
      this.waiting.set(event.text, { bus, event, reason: fate });
    }
  }

  private aggregate(bus: string, event: SimEvent, { windowSizeMs, functions }: Job): void {
    const startMs = Math.floor(event.timeMs / windowSizeMs) * windowSizeMs;
    const endMs = startMs + windowSizeMs;
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

  private fateOf(
    book: BusBook,
    event: SimEvent,
    heardAtMs: number,
    { functions }: Job,
    deadLetters: DeadLetters,
  ): "aggregated" | "duplicate" | "invalid" | "dropped" | Chance {
    const { correctionHorizonMs, dedupMaxIds } = this.options;
    if (event.kind === "garbled") return "invalid";
    if (functionsOf(event, functions).length === 0) {
      // A dropped event moves event time all the same, except one that is ahead, for which it depends on the
      // clock.
      if (event.kind !== "ahead" || this.options.hasWrongClock) {
        book.greatestMs = Math.max(book.greatestMs, event.timeMs);
      }
      return "dropped";
    }
    if (event.id !== undefined && book.ids.includes(event.id)) return "duplicate";
    const chance = event.isChancy ? deadLetters.get(event.text) : undefined;
    if (this.options.hasWrongClock) {
      const fate = chance ?? "aggregated";
      this.assertAllowed(event, fate, heardAtMs);
      if (fate === "aggregated") book.greatestMs = Math.max(book.greatestMs, event.timeMs);
      return fate;
    }
    if (event.kind === "ahead" || chance === "future") return "future";
    book.greatestMs = Math.max(book.greatestMs, event.timeMs);
    if (event.timeMs <= book.greatestMs - correctionHorizonMs) return "late";
    if (chance === "overflow") return "overflow";
    if (event.id !== undefined) book.ids.push(event.id);
    if (book.ids.length > dedupMaxIds) book.ids.shift();
    return "aggregated";
  }

  /**
   * Checks that a clock that may be wrong can have led to this fate. All that the clock has said since the
   * event was heard counts.
   *
   * @throws {Violation}
   */
  private assertAllowed({ kind, text }: SimEvent, fate: Chance | "aggregated", heardAtMs: number): void {
    const { tellsTime, maxFutureSkewMs } = this.options;
    const { least, most } = this.wall.aheadSince(heardAtMs);
    const wasAhead = most > 0;
    if (fate === "late" && !wasAhead) throw new Violation(`${text} is late, and the clock was not ahead`);
    if (fate === "overflow") throw new Violation(`${text} has overflowed`);
    if (kind === "ahead") {
      if (fate === "aggregated" && most < DAY_MS - maxFutureSkewMs) {
        throw new Violation(`${text} was taken, and the clock was never so far`);
      }
    } else if (fate === "future") {
      const hasWitness = tellsTime || this.clockSeenMs > this.wall.trueMs + most + WITNESS_TOLERANCE_MS;
      if (least >= 0) throw new Violation(`${text} is of the future, and the clock was not behind`);
      if (hasWitness) {
        throw new Violation(`${text} is of the future, and it is known that the clock is behind`);
      }
    }
  }

  private book(bus: string): BusBook {
    return this.buses.get(bus)!;
  }
}

const DAY_MS = 86_400_000;
/**
 * How far a witness must be ahead of the clock to count: its own tolerance, and what may pass within a
 * transaction.
 */
const WITNESS_TOLERANCE_MS = 4000;

/**
 * The functions of an event by the rules of `AGG_FUNCTIONS`, for the patterns that scenarios have: a name, or
 * a beginning and `*`.
 */
function functionsOf({ name, aggFunc, isUnnamed }: SimEvent, rules: string): readonly string[] {
  if (!isUnnamed) return [aggFunc];
  for (const rule of rules.split(";")) {
    const [pattern, functions] = rule.split("=") as [string, string];
    const isMatch = pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
    if (isMatch) return functions === "none" ? [] : functions.split(",");
  }
  return ["sum"];
}

interface Heard {
  readonly request: SentRequest;
  /** `found`: the reader has found out by itself that it has to go on at `next`. */
  readonly said: Said | { readonly kind: "found"; readonly log: string; readonly next: number };
  /** Simulated time. */
  readonly atMs: number;
}

interface Step {
  readonly progress: Progress;
  readonly events: readonly SimEvent[];
  readonly lost: number;
  /** False: a reader of the contract does nothing with it. */
  readonly isOfUse: boolean;
}

/**
 * A reader that asks again from an earlier position has not used what came since, since the state could not
 * be read at that moment. If it had used it all the same, the books would show it.
 */
function forgetUnused(book: BusBook, offset: number | undefined): void {
  for (let kept = book.heard.length; kept >= 0; kept--) {
    const progress = book.heard.slice(0, kept).reduce(
      (at, heard) => follow(at, heard).progress,
      book.durable,
    );
    if (progress.next !== offset) continue;
    book.heard.length = kept;
    return;
  }
}

/**
 * The progress of a reader of the contract after an answer, the events that it takes in, and those that it
 * must count as lost.
 */
function follow(at: Progress, { request, said }: Pick<Heard, "request" | "said">): Step {
  const useless = { progress: at, events: [], lost: 0, isOfUse: false };
  if (said.kind === "failure" || request.offset !== at.next) return useless;
  const { log } = said;
  const goOn = (next: number | undefined, lost: number, events: readonly SimEvent[] = []) => ({
    progress: { log, next },
    events,
    lost,
    isOfUse: true,
  });
  if (said.kind === "events") {
    if (at.log !== undefined && at.log !== log) return goOn(undefined, 0);
    if (at.next !== undefined && at.next !== said.offset) return useless;
    const isAfterReset = at.log !== undefined && at.next === undefined;
    return goOn(said.next, isAfterReset ? said.offset : 0, said.events);
  }
  if (said.kind === "found") {
    return goOn(said.next, at.log !== undefined && at.next === undefined ? said.next : 0);
  }
  if (at.log !== log) return goOn(said.first, said.first);
  if (said.kind === "trimmed") {
    const lost = said.first - (at.next ?? 0);
    return lost > 0 ? goOn(said.first, lost) : useless;
  }
  // The log was rolled back. The reader finds out by looks where it differs from what was read.
  return at.next !== undefined && at.next > said.next ? { ...useless, isOfUse: true } : useless;
}

/** Adds the events of a step to those that are known of the reader's log. */
function note(read: Map<number, SimEvent>, from: Progress, { progress, events }: Step): void {
  if (progress.log !== from.log || progress.next === undefined) read.clear();
  for (const offset of read.keys()) if (offset >= (progress.next ?? 0)) read.delete(offset);
  events.forEach((event, i) => read.set(progress.next! - events.length + i, event));
}

function isSame(a: Progress, b: Progress): boolean {
  return a.log === b.log && a.next === b.next;
}

function show({ log, next }: Progress): string {
  return `${next ?? "its beginning"} of ${log ?? "whatever log it has"}`;
}

/** The key of a row. */
export function rowKey(
  { name, labels = "", aggFunc, windowStartMs, windowEndMs }: Pick<
    Aggregate,
    "name" | "labels" | "aggFunc" | "windowStartMs" | "windowEndMs"
  >,
): string {
  return `${aggFunc}(${name}${labels}) [${windowStartMs}, ${windowEndMs})`;
}

/** Whether the value of a row is a sum that is not finite. */
export function isOverflowing({ aggFunc, readings }: ExpectedRow): boolean {
  if (aggFunc !== "sum") return false;
  return !Number.isFinite([...readings.values()].flat().reduce((sum, { value }) => sum + value, 0));
}

/** What is wrong with the final row of a sink; undefined: nothing. */
export function rowFault(expected: ExpectedRow, row: Aggregate): string | undefined {
  const all = [...expected.readings.values()];
  const count = countOf(expected);
  if (row.count !== count) return `it stands for ${row.count} events instead of ${count}`;
  if (row.aggFunc !== "first" && row.aggFunc !== "last") {
    return valueFault(row.aggFunc, row.value, all.flat());
  }
  // Two buses have no order among themselves: each may have brought the first of those with the same time.
  const faults = all.map((_, i) =>
    valueFault(row.aggFunc, row.value, [...all.slice(i), ...all.slice(0, i)].flat())
  );
  return faults.includes(undefined) ? undefined : faults[0];
}

/** Events that a row stands for. */
export function countOf({ readings }: ExpectedRow): number {
  return [...readings.values()].reduce((sum, { length }) => sum + length, 0);
}
