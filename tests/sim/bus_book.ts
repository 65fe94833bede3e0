import type { Said, SentRequest } from "./bus_watcher.ts";
import { follow, type Heard, isSame, note, type Progress, show } from "./progress.ts";
import type { SimEvent } from "./plant.ts";
import type { SimBus } from "./sim_bus.ts";
import { Violation } from "./violation.ts";

/** Events that were taken in by one answer, and how many were lost before them. */
export interface Taken {
  readonly events: readonly SimEvent[];
  readonly lost: number;
  /** When the answer was heard; simulated time. */
  readonly atMs: number;
}

/** How far the handler has read a bus, as it follows from what the bus has said. */
export class BusBook {
  /** The progress of the last checkpoint. */
  durable: Progress = { log: undefined, next: undefined };
  /** Greatest event time of the bus, as of the last checkpoint. */
  greatestMs = -Infinity;
  /** The ids that duplicates are known by, the oldest first. */
  readonly ids: string[] = [];
  /** Whether the bus may have been idle at any time since the last transaction. */
  wasIdle = false;
  /** Whether the bus has failed since the process began. */
  hasHeardFailure = false;
  /** The events of its log below the durable progress, by offset. */
  private readonly read = new Map<number, SimEvent>();
  /** What the running process has heard that no checkpoint covers yet. */
  private heardSince: Heard[] = [];
  /** The head of the last reply, where it was cut off and had one. */
  private head: { readonly log: string; readonly offset: number } | undefined;
  /**
   * While the reader compares histories, the number of entries of `heardSince` that it has used before;
   * undefined: it does not compare. Its next request ends the comparison.
   */
  private comparedAt: number | undefined;
  /** What {@link parting} said at each look of the latest comparison: the bus may change meanwhile. */
  private readonly partings = new Set<number | undefined>();
  /** Requests without an answer yet. */
  private sent: SentRequest[] = [];
  /**
   * Whether the answer that the reader was waiting for was of no use, and the reader has not asked for it
   * again.
   */
  private isAskingAnew = false;
  /** When the bus last gave anything but an empty reply; simulated time. */
  private lastStirMs = 0;
  /** Whether the bus may count as idle now. */
  private isIdle = false;
  /**
   * Whether it has given something that the reader may not have taken in yet, as where the state cannot be
   * written. The next request ends that.
   */
  private hasStirred = false;

  /** @param bus The bus itself, for its present log and events. */
  constructor(private readonly bus: SimBus, private readonly idleTimeoutMs: number) {}

  /** A process starts. It knows only what is durable. */
  restarted(nowMs: number): void {
    this.hasHeardFailure = false;
    this.heardSince = [];
    this.comparedAt = undefined;
    this.partings.clear();
    this.sent = [];
    this.isAskingAnew = false;
    this.lastStirMs = nowMs;
    this.isIdle = false;
    this.hasStirred = false;
    this.wasIdle = false;
  }

  /** The process requests events from an offset on. */
  sends(offset: number | undefined, nowMs: number): SentRequest {
    const hasLooked = this.comparedAt !== undefined || this.partings.size > 0;
    // Without a look, it has rather not used what it has heard than found that the bus has something else.
    const isKnown = !hasLooked && this.forgetUnused(offset);
    if (!isKnown && this.findsOut({ log: this.offered().log, next: offset })) this.lastStirMs = nowMs;
    else if (!isKnown) this.forgetUnused(offset);
    if (this.hasStirred) this.isIdle = this.hasStirred = false;
    this.comparedAt = undefined;
    this.partings.clear();
    const { log, next } = this.offered();
    if (offset === next) this.isAskingAnew = false;
    // A request that was sent ahead of a failed reply is given up. The reader waits for one answer at a time,
    // so it has given up what it asked for before: such as what follows a batch that it has held back.
    const request = { offset, log, isLook: false, isVoid: this.isAskingAnew };
    for (const earlier of this.sent) earlier.isVoid = true;
    this.sent.push(request);
    return request;
  }

  /** The process asks for an event only to compare it with what it has read: for the last one first. */
  looks(offset: number): SentRequest {
    if (this.comparedAt === undefined) {
      const isAt = (count: number) => [...this.knownAfter(count).keys()].at(-1) === offset;
      let used = this.heardSince.length;
      while (used >= 0 && !isAt(used)) used--;
      // Where a reply has told that the log ends earlier, the reader has used it, and begins in the middle.
      this.comparedAt = used < 0 ? this.heardSince.length : used;
    }
    this.partings.add(this.partingAfter(this.comparedAt));
    const { log, next } = this.progressAfter(this.comparedAt);
    return { offset: next, log, isLook: true, isVoid: false };
  }

  /**
   * The process hears an answer to a request, or that there is none.
   *
   * @param nowMs Simulated time.
   * @param isIdleAtOnce One empty reply makes the bus idle (`once`), for as long as the process lives.
   * @param isFarewell The process is about to end and looks at no reply any more.
   */
  heard(
    request: SentRequest,
    said: Said,
    nowMs: number,
    isIdleAtOnce: boolean,
    isFarewell: boolean,
  ): void {
    if (request.isLook && said.kind !== "failure") return;
    if (request.isLook && this.comparedAt !== undefined) {
      // The reader drops what it has asked for ahead.
      this.heardSince.length = this.comparedAt;
      this.comparedAt = undefined;
      this.partings.clear();
    }
    this.sent = this.sent.filter((sent) => sent !== request);
    if (said.kind === "failure") this.head = said.head;
    if (request.isVoid) return;
    const at = this.offered();
    // A reply that is of no use is an old one. The reader treats it as a failure.
    const { isOfUse } = follow(at, { request, said });
    this.hasHeardFailure ||= !isOfUse;
    if (!isOfUse && request.offset === at.next) {
      this.isAskingAnew = true;
      for (const sent of this.sent) sent.isVoid = true;
    }
    this.heardSince.push({ request, said, atMs: nowMs });
    const isEmpty = isOfUse && said.kind === "events" && said.events.length === 0;
    this.noteIdleness(nowMs);
    if (isEmpty && isIdleAtOnce) this.isIdle = this.wasIdle = true;
    if (isEmpty || isFarewell || (isIdleAtOnce && this.isIdle)) return;
    this.lastStirMs = nowMs;
    this.hasStirred = true;
  }

  /**
   * The first offset at which the bus has another event than was read there, or none; undefined: there is no
   * such offset.
   */
  parting(): number | undefined {
    return this.partingAfter(this.heardSince.length);
  }

  /** The furthest progress that the process may have made. */
  offered(): Progress {
    return this.progressAfter(this.heardSince.length);
  }

  /**
   * A transaction says that the bus has been read to `progress`. Returns what has led there, in its order.
   *
   * @param mayHaveRead Whether it may be a checkpoint. Of a bus that was rolled back, the place alone does
   * not tell: it may be that of the last checkpoint, after the same offsets were read again.
   * @throws {Violation} The bus cannot have been read to there.
   */
  committed(progress: Progress, mayHaveRead = true): Taken[] {
    if (!mayHaveRead && isSame(this.durable, progress)) return [];
    // The last of several ways to this progress counts: a bus that was rolled back is read over the same
    // offsets again.
    let used = isSame(this.durable, progress) ? 0 : -1;
    this.heardSince.reduce((at, heard, i) => {
      const next = follow(at, heard).progress;
      if (isSame(next, progress)) used = i + 1;
      return next;
    }, this.durable);
    if (used < 0 && this.findsOut(progress)) used = this.heardSince.length;
    if (used < 0) {
      throw new Violation(
        `${this.bus.name}: the checkpoint says it is read to ${
          show(progress)
        }, but nothing it said leads there from ${show(this.durable)}`,
      );
    }
    const taken: Taken[] = [];
    let at = this.durable;
    for (const heard of this.heardSince.slice(0, used)) {
      const step = follow(at, heard);
      note(this.read, at, step);
      at = step.progress;
      taken.push({ events: step.events, lost: step.lost, atMs: heard.atMs });
    }
    this.heardSince.splice(0, used);
    if (this.comparedAt !== undefined) this.comparedAt = Math.max(0, this.comparedAt - used);
    this.durable = progress;
    return taken;
  }

  /** Whether the bus may have been idle since the last transaction. Forgets the time before this one. */
  takeIdleness(): boolean {
    const { wasIdle } = this;
    this.wasIdle = this.isIdle;
    return wasIdle;
  }

  /** Notes whether the bus may be idle by now; simulated time. */
  noteIdleness(nowMs: number): void {
    if (nowMs - this.lastStirMs >= this.idleTimeoutMs) this.isIdle = this.wasIdle = true;
  }

  /** As {@link parting}, after the first `count` entries of `heardSince`. */
  private partingAfter(count: number): number | undefined {
    const { log, first, next, events } = this.bus;
    const at = this.progressAfter(count);
    if (at.log !== log || at.next === undefined) return undefined;
    const known = this.knownAfter(count);
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
  private findsOut(progress: Progress): boolean {
    // Requests for what was heard since were sent ahead of the comparison. The reader drops their replies.
    const dropped = this.heardSince.splice(this.comparedAt ?? this.heardSince.length);
    const { log, next } = this.offered();
    const { head } = this;
    const isLearnt = next === undefined && head !== undefined && (log ?? head.log) === head.log;
    const partings = [this.parting(), ...this.partings];
    const found = isLearnt ? head.offset : partings.find((parting) => parting === progress.next);
    if (
      found === undefined || progress.next !== found || progress.next === next ||
      (!isLearnt && progress.log !== log)
    ) {
      this.heardSince.push(...dropped);
      return false;
    }
    this.heardSince.push({
      request: { offset: next, log, isLook: true, isVoid: false },
      said: { kind: "found", log: isLearnt ? head.log : log!, next: found },
      atMs: 0,
    });
    this.comparedAt = undefined;
    this.partings.clear();
    return true;
  }

  /**
   * The events of its log that the reader knows after the first `count` entries of `heardSince`, by offset,
   * in their order.
   */
  private knownAfter(count: number): Map<number, SimEvent> {
    const known = new Map(this.read);
    this.heardSince.slice(0, count).reduce((progress, heard) => {
      const step = follow(progress, heard);
      note(known, progress, step);
      return step.progress;
    }, this.durable);
    return known;
  }

  /** The progress of the reader after the first `count` entries of `heardSince`. */
  private progressAfter(count: number): Progress {
    return this.heardSince.slice(0, count).reduce(
      (progress, heard) => follow(progress, heard).progress,
      this.durable,
    );
  }

  /**
   * A reader that asks again from an earlier position has not used what came since, since the state could not
   * be read at that moment. If it had used it all the same, the books would show it. Returns whether there is
   * such a position.
   */
  private forgetUnused(offset: number | undefined): boolean {
    for (let kept = this.heardSince.length; kept >= 0; kept--) {
      const progress = this.progressAfter(kept);
      if (progress.next !== offset) continue;
      this.heardSince.length = kept;
      return true;
    }
    return false;
  }
}
