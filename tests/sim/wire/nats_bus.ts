import { Buffer } from "node:buffer";
import type { Source } from "../../../src/contract/source.ts";
import { NatsSource } from "../../../src/sources/nats/nats_source.ts";
import type { Guest } from "./link.ts";
import type { ServerEnd } from "./sim_network.ts";
import { type BusSurroundings, SIM_ADDRESS, type SourceParts, type WireBus } from "./wire_bus.ts";
import type { WireEvent } from "./wire_event.ts";
import type { WireRates } from "./wire_rates.ts";

const STREAM = "PLANT";
const SUBJECT = "plant.a";
const MS_IN_NS = 1_000_000n;

interface Message {
  readonly sequence: number;
  readonly timeNs: bigint;
  readonly event: WireEvent;
}

/** Who reads the stream: what it gets next, and how much it got. */
interface Consumer {
  next: number;
  delivered: number;
}

/** Messages that a client has asked for and that are not all there. */
interface Pull {
  readonly consumer: Consumer;
  readonly name: string;
  readonly reply: string;
  left: number;
  hasGot: boolean;
}

/** A NATS server with one stream of JetStream, which limits may shorten, and which may be made anew. */
export class NatsBus implements WireBus {
  readonly countsRepeats = false;
  isBegun = false;
  /** Whether the stream was made anew. How much of the one before was not read, nobody knows then. */
  private wasMadeAnew = false;
  private created = 0;
  private messages: Message[] = [];
  private last = 0;
  private consumers = new Map<string, Consumer>();
  private readonly sessions = new Set<NatsGuest>();

  constructor(private readonly surroundings: BusSurroundings) {}

  publish(event: WireEvent): void {
    const sequence = ++this.last;
    const timeNs = BigInt(this.surroundings.nowMs()) * MS_IN_NS + BigInt(sequence);
    this.messages.push({ sequence, timeNs, event });
    this.surroundings.trace.note("nats", `${sequence}: ${event.name}`);
    for (const session of this.sessions) session.wake();
  }

  welcome(end: ServerEnd): Guest {
    const guest = new NatsGuest(end, this);
    this.sessions.add(guest);
    return guest;
  }

  leave(guest: NatsGuest): void {
    this.sessions.delete(guest);
  }

  stir(rates: WireRates): boolean {
    const { dice, trace } = this.surroundings;
    if (dice.chance(rates.removed)) this.remove();
    if (dice.chance(rates.historyLost)) {
      trace.note("nats", "the stream is made anew");
      this.wasMadeAnew = true;
      for (const { event } of this.messages) event.isGone = true;
      this.messages = [];
      this.last = 0;
      this.created++;
      this.consumers.clear();
      for (const session of this.sessions) session.lose();
    }
    const restarts = dice.chance(rates.serverRestarts);
    if (restarts) this.consumers.clear();
    return restarts;
  }

  mayTell(lost: number, missing: readonly WireEvent[]): boolean {
    const known = missing.filter(({ isUnknown }) => !isUnknown);
    return lost <= missing.length && (this.wasMadeAnew || lost >= known.length);
  }

  isRead(position: string | undefined): boolean {
    return Number(position?.split(" ")[0] ?? 0) === this.last;
  }

  source({ clock, connect }: SourceParts): Source {
    return new NatsSource({
      name: "nats://simulated/PLANT",
      servers: [SIM_ADDRESS],
      access: { tls: undefined, login: undefined, connect },
      choice: { stream: STREAM, subjects: [], domain: undefined },
      startsAtEnd: false,
      reader: undefined,
      clock,
    });
  }

  /** What the API answers to a request. */
  answer(subject: string, body: string): unknown {
    if (subject === `$JS.API.STREAM.INFO.${STREAM}`) return this.info();
    const [, name] = new RegExp(`^\\$JS\\.API\\.CONSUMER\\.(?:CREATE|DELETE)\\.${STREAM}\\.([^.]+)$`)
      .exec(subject) ?? [];
    if (name === undefined) throw new Error(`the model of NATS knows no ${subject}`);
    if (subject.includes(".DELETE.")) return { success: this.consumers.delete(name) };
    const { config } = JSON.parse(body);
    const next = config.deliver_policy === "by_start_sequence"
      ? config.opt_start_seq
      : this.firstAfter(config.opt_start_time);
    this.consumers.set(name, { next, delivered: 0 });
    return { name };
  }

  consumer(name: string): Consumer | undefined {
    return this.consumers.get(name);
  }

  /** Hands over what there is for a pull, as far as it goes. */
  serve(pull: Pull, end: ServerEnd): void {
    const { consumer, name } = pull;
    for (const message of this.messages) {
      if (pull.left === 0) return;
      const { event, sequence, timeNs } = message;
      if (sequence < consumer.next) continue;
      consumer.next = sequence + 1;
      consumer.delivered++;
      pull.left--;
      pull.hasGot = true;
      event.sentCount++;
      const pending = this.messages.filter((other) => other.sequence > sequence).length;
      const ack = `$JS.ACK.${STREAM}.${name}.1.${sequence}.${consumer.delivered}.${timeNs}.${pending}`;
      this.surroundings.trace.note("nats", `sends ${sequence}: ${event.name}`);
      end.send(`MSG ${SUBJECT} 2 ${ack} ${event.text.length}\r\n${event.text}\r\n`);
    }
  }

  after(ms: number, work: () => void): void {
    this.surroundings.scheduler.after(ms, work);
  }

  private info() {
    const first = this.messages[0]?.sequence ?? this.last + 1;
    return {
      config: { subjects: ["plant.>"] },
      created: `2026-01-01T00:00:0${this.created}Z`,
      state: {
        first_seq: first,
        last_seq: this.last,
        messages: this.messages.length,
        num_deleted: this.last - first + 1 - this.messages.length,
      },
      ts: new Date(this.surroundings.nowMs()).toISOString(),
    };
  }

  /** By age or by number, or one message alone. */
  private remove(): void {
    const { dice, trace } = this.surroundings;
    if (this.messages.length === 0) return;
    const isTrim = dice.chance(0.6);
    const at = isTrim ? 0 : dice.between(0, this.messages.length - 1);
    for (const { event, sequence } of this.messages.splice(at, isTrim ? dice.between(1, 8) : 1)) {
      trace.note("nats", `${sequence} is removed`);
      event.isGone = true;
      event.isUnknown = !this.isBegun;
    }
  }

  private firstAfter(time: string): number {
    const fromNs = nanosecondsOf(time);
    return this.messages.find(({ timeNs }) => timeNs >= fromNs)?.sequence ?? this.last + 1;
  }
}

/** A client of the server. */
class NatsGuest implements Guest {
  private rest = Buffer.alloc(0);
  private pull: Pull | undefined;

  constructor(private readonly end: ServerEnd, private readonly bus: NatsBus) {
    end.send('INFO {"headers":true,"jetstream":true}\r\n');
  }

  take(bytes: Buffer): void {
    this.rest = Buffer.concat([this.rest, bytes]);
    for (;;) {
      const at = this.rest.indexOf("\r\n");
      if (at < 0) return;
      const line = this.rest.toString("utf8", 0, at);
      const [, subject, reply, length] = /^PUB (\S+) (\S+) (\d+)$/.exec(line) ?? [];
      const endsAt = at + 2 + (length === undefined ? 0 : Number(length) + 2);
      if (this.rest.length < endsAt) return;
      const body = this.rest.toString("utf8", at + 2, Math.max(at + 2, endsAt - 2));
      this.rest = this.rest.subarray(endsAt);
      if (line === "PING") this.end.send("PONG\r\n");
      else if (subject !== undefined) this.published(subject, reply!, body);
    }
  }

  left(): void {
    this.bus.leave(this);
  }

  /** There is more in the stream. */
  wake(): void {
    const { pull } = this;
    if (pull === undefined) return;
    this.bus.serve(pull, this.end);
    this.finish(pull);
  }

  /** The stream was deleted, and the consumers with it. */
  lose(): void {
    const { pull } = this;
    this.pull = undefined;
    if (pull !== undefined) this.status(pull.reply, "409 Consumer Deleted");
  }

  private published(subject: string, reply: string, body: string): void {
    const [, name] = /^\$JS\.API\.CONSUMER\.MSG\.NEXT\.PLANT\.(\S+)$/.exec(subject) ?? [];
    if (name !== undefined) return this.next(name, reply, JSON.parse(body));
    const answer = JSON.stringify(this.bus.answer(subject, body));
    const subscription = reply.includes(".a.") ? 1 : 2;
    this.end.send(`MSG ${reply} ${subscription} ${answer.length}\r\n${answer}\r\n`);
  }

  private next(name: string, reply: string, wanted: { batch: number; expires?: number }): void {
    const consumer = this.bus.consumer(name);
    if (consumer === undefined) return this.status(reply, "503");
    const pull: Pull = { consumer, name, reply, left: wanted.batch, hasGot: false };
    this.bus.serve(pull, this.end);
    if (pull.hasGot || wanted.expires === undefined) return this.finish(pull, "404 No Messages");
    this.pull = pull;
    this.bus.after(wanted.expires / 1e6, () => {
      if (this.pull === pull) this.finish(pull);
    });
  }

  private finish(pull: Pull, nothing = "408 Request Timeout"): void {
    this.pull = undefined;
    if (pull.left > 0) this.status(pull.reply, pull.hasGot ? "408 Request Timeout" : nothing);
  }

  private status(reply: string, status: string): void {
    const header = `NATS/1.0 ${status}\r\n\r\n`;
    this.end.send(`HMSG ${reply} 2 ${header.length} ${header.length}\r\n${header}\r\n`);
  }
}

/** Of a time as RFC 3339 has it, with nanoseconds. */
function nanosecondsOf(time: string): bigint {
  const [, seconds, fraction = ""] = /^(.*?)(?:\.(\d+))?Z$/.exec(time)!;
  return BigInt(Date.parse(`${seconds}Z`)) * MS_IN_NS + BigInt(fraction.padEnd(9, "0"));
}
