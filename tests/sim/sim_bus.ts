import { SourceError } from "../../src/contract/source.ts";
import type { BusLog, FetchReply, FetchRequest } from "../../src/sources/vabus/bus_log.ts";
import type { Dice } from "./dice.ts";
import type { SimEvent } from "./plant.ts";
import type { FaultRates } from "./scenario.ts";
import { type Lifetime, never, type Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";

/** What a bus has said to a process, as it arrived. */
export type Said =
  /** Undamaged: all of what the bus sent. */
  | {
    readonly kind: "events";
    readonly log: string;
    readonly offset: number;
    readonly next: number;
    readonly events: readonly SimEvent[];
  }
  | {
    readonly kind: "trimmed" | "reset";
    readonly log: string;
    readonly first: number;
    readonly next: number;
  }
  /** Nothing that could be used, but for the head of a reply that was cut off. */
  | { readonly kind: "failure"; readonly head?: { readonly log: string; readonly offset: number } };

/** A request on its way, as a reader of the contract means it. */
export interface SentRequest {
  readonly offset: number | undefined;
  /** The log that the reader believes the bus has. */
  readonly log: string | undefined;
  /** Whether it asks for an event only to compare it. */
  readonly isLook: boolean;
  /**
   * The reader does not look at the answer any more: something before it has failed, or it has asked again.
   */
  isVoid: boolean;
}

/** The observer of a bus. */
export interface BusWatcher {
  /** A moment at which the process may die; the bus goes on. */
  crashPoint(where: string): void;
  /** The process sends a request. */
  sends(bus: SimBus, request: FetchRequest): SentRequest;
  /** The process looks at a single event again. */
  looks(bus: SimBus, offset: number): SentRequest;
  /** What the process now hears in answer to a request. */
  heard(bus: SimBus, request: SentRequest, said: Said): void;
}

const LONGEST_HICCUP_MS = 20;
const PATIENCE_MS = 3000;

/** A VaBus: an ordered log that can be trimmed, reset or rolled back, behind a network with faults. */
export class SimBus {
  log: string;
  first = 0;
  events: SimEvent[] = [];
  /** Highest offset that the handler has declared durable in this log; undefined: it has not yet. */
  acknowledged: number | undefined;
  awayUntilMs = 0;
  private logs = 0;
  /** Events that roll-backs have taken away, as `offset text`. */
  private readonly takenAway = new Set<string>();
  /** The number of roll-backs. What was sent before one does not arrive any more. */
  private generation = 0;
  /** Replies that may come again. */
  private stale: Sent[] = [];
  private readonly waiting = new Set<() => void>();

  constructor(
    readonly name: string,
    private readonly scheduler: Scheduler,
    private readonly dice: Dice,
    readonly trace: Trace,
    /** What it says the time is; undefined: it does not. */
    private readonly dateMs: () => number | undefined,
  ) {
    this.log = this.newLog();
  }

  get next(): number {
    return this.first + this.events.length;
  }

  /**
   * Appends an event, unless a roll-back has taken the very same one away from this offset. Such a history
   * cannot be told from the one before, as docs/guarantees.md says.
   */
  publish(event: SimEvent): void {
    if (this.takenAway.has(`${this.next} ${event.text}`)) return;
    this.trace.note(this.name, `${this.next}: ${event.text}`);
    this.events.push(event);
    for (const wake of [...this.waiting]) wake();
  }

  trimTo(first: number): void {
    if (first <= this.first) return;
    this.trace.note(this.name, `trimmed: begins at ${first}`);
    this.events.splice(0, first - this.first);
    this.first = first;
  }

  /** The log is gone; another one begins. */
  reset(): void {
    this.log = this.newLog();
    this.first = 0;
    this.events = [];
    this.acknowledged = undefined;
    this.trace.note(this.name, `reset: it is ${this.log} now`);
    for (const wake of [...this.waiting]) wake();
  }

  /**
   * The end of the log is gone, as after a restore from a backup; offsets are given out again. Connections
   * break.
   */
  rollBackTo(next: number): void {
    this.trace.note(this.name, `rolled back to ${next}`);
    for (const [i, { text }] of this.events.slice(next - this.first).entries()) {
      this.takenAway.add(`${next + i} ${text}`);
    }
    this.events.length = next - this.first;
    this.generation++;
    this.stale = [];
    if (this.acknowledged !== undefined) this.acknowledged = Math.min(this.acknowledged, next);
    for (const wake of [...this.waiting]) wake();
  }

  /** A client's view of the bus, for the lifetime of a process. */
  connect(rates: () => FaultRates, watcher: BusWatcher, lifetime: Lifetime): BusLog {
    return {
      name: this.name,
      fetch: (request, signal) =>
        lifetime.isOver ? never() : this.exchange(request, signal, rates(), watcher, lifetime),
      look: (offset, signal) =>
        lifetime.isOver ? never() : this.exchange(
          { offset, limit: 1, waitSeconds: 0, ack: undefined },
          signal,
          rates(),
          watcher,
          lifetime,
          true,
        ),
      oldest: () => lifetime.isOver ? never() : Promise.reject(new SourceError("garbage", "404")),
      probe: () => Promise.resolve("simulated"),
      time: () => Promise.resolve(undefined),
      close: () => {},
    };
  }

  private exchange(
    request: FetchRequest,
    signal: AbortSignal,
    rates: FaultRates,
    watcher: BusWatcher,
    lifetime: Lifetime,
    isLook = false,
  ): Promise<FetchReply> {
    const { dice, scheduler, trace, name } = this;
    const { promise, resolve, reject } = Promise.withResolvers<FetchReply>();
    const { generation } = this;
    let isOver = false;
    const end = (settle: () => void) => {
      if (isOver || lifetime.isOver) return;
      isOver = true;
      signal.removeEventListener("abort", interrupt);
      settle();
    };
    const fail = (error: SourceError) =>
      end(() => {
        trace.note(name, `the handler hears: ${error.message}`);
        watcher.heard(this, sentRequest, { kind: "failure" });
        watcher.crashPoint("bus: a failure is heard");
        if (!lifetime.isOver) reject(error);
      });
    const interrupt = () => fail(new SourceError("unavailable", "interrupted"));
    const deliver = (sent: Sent, isWhole: boolean) =>
      end(() => {
        trace.note(name, `the handler hears: ${describe(sent.said)}${isWhole ? "" : ", cut off"}`);
        watcher.heard(this, sentRequest, isWhole ? sent.said : headOf(sent.said));
        watcher.crashPoint("bus: a reply has arrived");
        if (lifetime.isOver) return;
        const { reply } = sent;
        const dateMs = this.dateMs();
        if (reply.kind !== "events") resolve({ ...reply, dateMs });
        // A copy: the body belongs to its reader, and this reply may arrive a second time.
        else if (isWhole) resolve({ ...reply, body: reply.body.slice(), dateMs });
        else {
          // A reader that does not know yet where the log begins may take that from the head of half a reply,
          // which the model does not.
          const body = cut(reply.body, dice);
          resolve({ ...reply, body: request.offset === undefined ? body.subarray(0, 5) : body, dateMs });
        }
      });
    const sentRequest = isLook ? watcher.looks(this, request.offset!) : watcher.sends(this, request);
    if (signal.aborted) {
      interrupt();
      return promise;
    }
    signal.addEventListener("abort", interrupt, { once: true });
    trace.note(
      name,
      `request: offset ${request.offset ?? "-"}, ack ${request.ack ?? "-"}, wait ${request.waitSeconds}`,
    );
    watcher.crashPoint("bus: a request is on its way");

    const latency = () =>
      dice.chance(rates.replySlow)
        ? dice.between(LONGEST_HICCUP_MS, 2 * PATIENCE_MS)
        : dice.between(1, LONGEST_HICCUP_MS);
    const patienceMs = request.waitSeconds * 1000 + PATIENCE_MS;
    scheduler.after(patienceMs, () => fail(new SourceError("unavailable", "no answer in time")), lifetime);
    if (dice.chance(rates.requestLost)) return promise;

    const send = () => {
      if (generation !== this.generation) return fail(new SourceError("unavailable", "connection reset"));
      const sent = this.answer(request);
      const old = isLook ? undefined : this.staleFor(sent, dice.chance(rates.replyStale));
      if (dice.chance(rates.replyLost)) return;
      const isWhole = sent.said.kind !== "events" || !dice.chance(rates.replyTruncated);
      scheduler.after(latency(), () => {
        if (generation !== this.generation) fail(new SourceError("unavailable", "connection reset"));
        else deliver(old ?? sent, isWhole);
      });
    };
    scheduler.after(latency(), () => {
      if (this.awayUntilMs > scheduler.nowMs) {
        if (dice.chance(0.7)) fail(new SourceError("unavailable", "connection refused"));
        return;
      }
      if (dice.chance(rates.busBusy)) {
        return fail(
          new SourceError("unavailable", "503", dice.chance(0.5) ? dice.between(0, 3000) : undefined),
        );
      }
      if (dice.chance(rates.busGarbage)) return fail(new SourceError("garbage", "404: is this a VaBus?"));
      if (request.ack !== undefined && sentRequest.log === this.log && generation === this.generation) {
        this.acknowledged = Math.max(this.acknowledged ?? 0, request.ack);
      }
      if (request.offset !== this.next || request.waitSeconds === 0) return send();
      const done = () => {
        this.waiting.delete(done);
        callOff();
        send();
      };
      this.waiting.add(done);
      const callOff = scheduler.after(request.waitSeconds * 1000, done);
    });
    return promise;
  }

  private answer({ offset = this.first, limit }: FetchRequest): Sent {
    const { log, first, next } = this;
    if (offset < first || offset > next) {
      const kind = offset < first ? "trimmed" : "reset";
      const said = { kind, log, first, next } as const;
      return { said, reply: said };
    }
    const events = this.events.slice(offset - first, offset - first + limit);
    const end = offset + events.length;
    const text = `{"log":"${log}","offset":${offset},"next":${end},"events":[${
      events.map(({ text }) => text)
    }]}`;
    return {
      said: { kind: "events", log, offset, next: end, events },
      reply: { kind: "events", body: new TextEncoder().encode(text) },
    };
  }

  /**
   * An old reply of the same log instead of this one. Not one that says the log has been rolled back: when
   * that comes late, nobody can tell it from the news that it happened again.
   */
  private staleFor(sent: Sent, isWanted: boolean): Sent | undefined {
    const old = isWanted ? this.dice.pick(this.stale) : undefined;
    if (sent.said.kind !== "reset") this.stale.push(sent);
    if (this.stale.length > 8) this.stale.shift();
    if (old === undefined || old.said.kind === "failure" || sent.said.kind === "failure") return undefined;
    return old.said.log === sent.said.log ? old : undefined;
  }

  private newLog(): string {
    return `${this.name}-log${this.logs++}`;
  }
}

interface Sent {
  readonly said: Said;
  readonly reply: FetchReply;
}

function headOf(said: Said): Said {
  return said.kind === "events"
    ? { kind: "failure", head: { log: said.log, offset: said.offset } }
    : { kind: "failure" };
}

function cut(body: Uint8Array, dice: Dice): Uint8Array {
  return body.slice(0, dice.between(0, body.length - 1));
}

function describe(said: Said): string {
  switch (said.kind) {
    case "failure":
      return "nothing of use";
    case "events":
      return `events [${said.offset}, ${said.next}) of ${said.log}`;
    default:
      return `${said.kind}, ${said.log} is [${said.first}, ${said.next})`;
  }
}
