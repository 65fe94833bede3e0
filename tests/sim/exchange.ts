import { SourceError } from "../../src/contract/source.ts";
import type { FetchReply, FetchRequest } from "../../src/sources/vabus/bus_log.ts";
import type { BusWatcher, Said, SentRequest } from "./bus_watcher.ts";
import type { Dice } from "./dice.ts";
import type { FaultRates } from "./scenario.ts";
import type { Lifetime, Scheduler } from "./scheduler.ts";
import type { SimBus } from "./sim_bus.ts";

/** An answer of a bus, as a model takes it and as it goes over the network. */
export interface Sent {
  readonly said: Said;
  readonly reply: FetchReply;
}

/** A process asks a bus for something. */
export interface Call {
  readonly request: FetchRequest;
  /** Whether it asks for an event only to compare it. */
  readonly isLook: boolean;
  readonly signal: AbortSignal;
  readonly rates: FaultRates;
  readonly watcher: BusWatcher;
  readonly lifetime: Lifetime;
}

const LONGEST_HICCUP_MS = 20;
const PATIENCE_MS = 3000;

/** One request to a bus and its answer, over a network with faults. */
export class Exchange {
  private readonly outcome = Promise.withResolvers<FetchReply>();
  private readonly generation: number;
  private readonly sentRequest: SentRequest;
  private isOver = false;

  constructor(
    private readonly bus: SimBus,
    private readonly scheduler: Scheduler,
    private readonly dice: Dice,
    private readonly call: Call,
  ) {
    const { watcher, request, isLook } = call;
    this.generation = bus.generation;
    this.sentRequest = isLook ? watcher.looks(bus, request.offset!) : watcher.sends(bus, request);
  }

  /** Sends the request. The promise stays open for ever when the process dies before the answer. */
  run(): Promise<FetchReply> {
    const { bus, scheduler } = this;
    const { request, signal, rates, watcher, lifetime } = this.call;
    const { promise } = this.outcome;
    if (signal.aborted) {
      this.interrupt();
      return promise;
    }
    signal.addEventListener("abort", this.interrupt, { once: true });
    bus.trace.note(
      bus.name,
      `request: offset ${request.offset ?? "-"}, ack ${request.ack ?? "-"}, wait ${request.waitSeconds}`,
    );
    watcher.crashPoint("bus: a request is on its way");
    const patienceMs = request.waitSeconds * 1000 + PATIENCE_MS;
    scheduler.after(patienceMs, () => this.fail("unavailable", "no answer in time"), lifetime);
    if (!this.dice.chance(rates.requestLost)) scheduler.after(this.latency(), () => this.arrive());
    return promise;
  }

  /** The request has come to the bus. */
  private arrive(): void {
    const { bus, scheduler, dice } = this;
    const { request, rates } = this.call;
    if (bus.awayUntilMs > scheduler.nowMs) {
      if (dice.chance(0.7)) this.fail("unavailable", "connection refused");
      return;
    }
    if (dice.chance(rates.busBusy)) {
      return this.fail("unavailable", "503", dice.chance(0.5) ? dice.between(0, 3000) : undefined);
    }
    if (dice.chance(rates.busGarbage)) return this.fail("garbage", "404: is this a VaBus?");
    if (request.ack !== undefined && this.sentRequest.log === bus.log && this.isConnected) {
      bus.acknowledge(request.ack);
    }
    if (request.offset !== bus.next || request.waitSeconds === 0) return this.answer();
    const done = () => {
      forget();
      callOff();
      this.answer();
    };
    const forget = bus.onChange(done);
    const callOff = scheduler.after(request.waitSeconds * 1000, done);
  }

  /** The bus answers. */
  private answer(): void {
    const { bus, dice } = this;
    const { request, rates, isLook } = this.call;
    if (!this.isConnected) return this.fail("unavailable", "connection reset");
    const sent = bus.answer(request);
    const old = isLook ? undefined : bus.staleFor(sent, dice.chance(rates.replyStale));
    if (dice.chance(rates.replyLost)) return;
    const isWhole = sent.said.kind !== "events" || !dice.chance(rates.replyTruncated);
    this.scheduler.after(this.latency(), () => {
      if (this.isConnected) this.deliver(old ?? sent, isWhole);
      else this.fail("unavailable", "connection reset");
    });
  }

  private deliver({ said, reply }: Sent, isWhole: boolean): void {
    const { bus, dice } = this;
    const { request, watcher, lifetime } = this.call;
    this.end(() => {
      bus.trace.note(bus.name, `the handler hears: ${describe(said)}${isWhole ? "" : ", cut off"}`);
      watcher.heard(bus, this.sentRequest, isWhole ? said : headOf(said));
      watcher.crashPoint("bus: a reply has arrived");
      if (lifetime.isOver) return;
      const { resolve } = this.outcome;
      const dateMs = bus.dateMs();
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
  }

  private fail(...error: ConstructorParameters<typeof SourceError>): void {
    const { bus } = this;
    const { watcher, lifetime } = this.call;
    this.end(() => {
      const cause = new SourceError(...error);
      bus.trace.note(bus.name, `the handler hears: ${cause.message}`);
      watcher.heard(bus, this.sentRequest, { kind: "failure" });
      watcher.crashPoint("bus: a failure is heard");
      if (!lifetime.isOver) this.outcome.reject(cause);
    });
  }

  private readonly interrupt = (): void => this.fail("unavailable", "interrupted");

  /** Settles the exchange once, unless the process is dead. */
  private end(settle: () => void): void {
    const { signal, lifetime } = this.call;
    if (this.isOver || lifetime.isOver) return;
    this.isOver = true;
    signal.removeEventListener("abort", this.interrupt);
    settle();
  }

  /** Whether the bus has not been rolled back since the request. */
  private get isConnected(): boolean {
    return this.generation === this.bus.generation;
  }

  private latency(): number {
    const { dice } = this;
    return dice.chance(this.call.rates.replySlow)
      ? dice.between(LONGEST_HICCUP_MS, 2 * PATIENCE_MS)
      : dice.between(1, LONGEST_HICCUP_MS);
  }
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
