import { SourceError } from "../../src/contract/source.ts";
import type { BusLog, FetchReply, FetchRequest } from "../../src/sources/vabus/bus_log.ts";
import type { BusWatcher } from "./bus_watcher.ts";
import type { Dice } from "./dice.ts";
import { Exchange, type Sent } from "./exchange.ts";
import type { SimEvent } from "./plant.ts";
import type { FaultRates } from "./scenario.ts";
import { type Lifetime, never, type Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";

/** A VaBus: an ordered log that can be trimmed, reset or rolled back, behind a network with faults. */
export class SimBus {
  log: string;
  first = 0;
  events: SimEvent[] = [];
  /** Highest offset that the handler has declared durable in this log; undefined: it has not yet. */
  acknowledged: number | undefined;
  awayUntilMs = 0;
  /** The number of roll-backs. What was sent before one does not arrive any more. */
  generation = 0;
  private logs = 0;
  /** Events that roll-backs have taken away, as `offset text`. */
  private readonly takenAway = new Set<string>();
  /** Replies that may come again. */
  private stale: Sent[] = [];
  private readonly waiting = new Set<() => void>();

  constructor(
    readonly name: string,
    private readonly scheduler: Scheduler,
    private readonly dice: Dice,
    readonly trace: Trace,
    /** What it says the time is; undefined: it does not. */
    readonly dateMs: () => number | undefined,
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
    const exchange = (request: FetchRequest, signal: AbortSignal, isLook: boolean) => {
      if (lifetime.isOver) return never<FetchReply>();
      const call = { request, isLook, signal, rates: rates(), watcher, lifetime };
      return new Exchange(this, this.scheduler, this.dice, call).run();
    };
    return {
      name: this.name,
      fetch: (request, signal) => exchange(request, signal, false),
      look: (offset, signal) => exchange({ offset, limit: 1, waitSeconds: 0, ack: undefined }, signal, true),
      oldest: () => lifetime.isOver ? never() : Promise.reject(new SourceError("garbage", "404")),
      probe: () => Promise.resolve("simulated"),
      time: () => Promise.resolve(undefined),
      close: () => {},
    };
  }

  /** The handler declares all below `ack` durable. */
  acknowledge(ack: number): void {
    this.acknowledged = Math.max(this.acknowledged ?? 0, ack);
  }

  /** Calls `wake` at each change of the log; returns a way to call it off. */
  onChange(wake: () => void): () => void {
    this.waiting.add(wake);
    return () => this.waiting.delete(wake);
  }

  /** What it answers to a request now. */
  answer({ offset = this.first, limit }: FetchRequest): Sent {
    const { log, first, next } = this;
    if (offset < first || offset > next) {
      const kind = offset < first ? "trimmed" : "reset";
      const said = { kind, log, first, next } as const;
      return { said, reply: said };
    }
    const events = this.events.slice(offset - first, offset - first + limit);
    const end = offset + events.length;
    const text = `{"log":"${log}","offset":${offset},"next":${end},"events":[${
      events.map(({ text, isInQuotes }) => isInQuotes ? JSON.stringify(text) : text)
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
  staleFor(sent: Sent, isWanted: boolean): Sent | undefined {
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
