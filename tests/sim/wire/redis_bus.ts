import { Buffer } from "node:buffer";
import type { Source } from "../../../src/contract/source.ts";
import { compareIds } from "../../../src/sources/redis/entry_id.ts";
import { RedisSource } from "../../../src/sources/redis/redis_source.ts";
import type { Guest } from "./link.ts";
import type { ServerEnd } from "./sim_network.ts";
import { type BusSurroundings, SIM_ADDRESS, type SourceParts, type WireBus } from "./wire_bus.ts";
import type { WireEvent } from "./wire_event.ts";
import type { WireRates } from "./wire_rates.ts";

const KEY = "plant";
const FIELD = "event";

interface Entry {
  readonly id: string;
  readonly event: WireEvent;
}

type Reply = string | number | null | Reply[];

/** A Redis with one stream, which others may shorten, or delete and make anew. */
export class RedisBus implements WireBus {
  readonly countsRepeats = false;
  isBegun = false;
  /** Whether the stream was made anew. How much of the one before was not read, nobody knows then. */
  private wasMadeAnew = false;
  /** Whether the product removes what it has on disk. */
  private readonly trims: boolean;
  private entries: Entry[] = [];
  private added = 0;
  private lastId = "0-0";
  /** Numbers the entries of a millisecond. */
  private number = 0;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly surroundings: BusSurroundings) {
    this.trims = surroundings.dice.chance(0.3);
  }

  publish(event: WireEvent): void {
    this.lastId = `${this.surroundings.nowMs()}-${this.number++}`;
    this.entries.push({ id: this.lastId, event });
    this.added++;
    this.surroundings.trace.note("redis", `${this.lastId}: ${event.name}`);
    for (const wake of [...this.waiting]) wake();
  }

  welcome(end: ServerEnd): Guest {
    return new RedisGuest(end, this);
  }

  stir(rates: WireRates): boolean {
    const { dice, trace } = this.surroundings;
    if (dice.chance(rates.removed)) this.remove();
    if (dice.chance(rates.historyLost)) {
      trace.note("redis", "the stream is deleted");
      this.wasMadeAnew = true;
      for (const { event } of this.entries) event.isGone = true;
      this.entries = [];
      this.added = 0;
      this.lastId = "0-0";
    }
    return dice.chance(rates.serverRestarts);
  }

  mayTell(lost: number, missing: readonly WireEvent[]): boolean {
    const known = missing.filter(({ isUnknown }) => !isUnknown);
    return lost <= missing.length && (this.wasMadeAnew || lost >= known.length);
  }

  isRead(position: string | undefined): boolean {
    return (position?.split(" ")[0] ?? "0-0") === this.lastId;
  }

  source({ clock, connect }: SourceParts): Source {
    return new RedisSource({
      name: "redis://simulated/plant",
      endpoint: { kind: "server", address: SIM_ADDRESS },
      access: { tls: undefined, login: undefined, database: 0, connect },
      keys: [KEY],
      share: undefined,
      field: FIELD,
      trims: this.trims,
      startsAtEnd: false,
      reader: undefined,
      clock,
    });
  }

  /** The answer to a command; undefined: it comes later, by `answer`. */
  carryOut(command: readonly string[], answer: (reply: Reply) => void): Reply | undefined {
    switch (command[0]) {
      case "TIME":
        return [`${Math.floor(this.surroundings.nowMs() / 1000)}`, "0"];
      case "XRANGE":
        return this.range(command[2]!, command[3]!, Number(command[5] ?? Infinity));
      case "XINFO":
        return this.info();
      case "XREAD":
        return this.waitBehind(command[7]!, Number(command[4]), answer);
      case "XTRIM":
        return this.trim(command[4]!);
    }
    throw new Error(`the model of Redis knows no ${command.join(" ")}`);
  }

  private range(from: string, to: string, count: number): Reply {
    const isWithin = ({ id }: Entry) =>
      (from.startsWith("(") ? compareIds(id, from.slice(1)) > 0 : compareIds(id, from) >= 0) &&
      (to === "+" || compareIds(id, to) <= 0);
    return this.entries.filter(isWithin).slice(0, count).map((entry) => {
      entry.event.sentCount++;
      return replyOf(entry);
    });
  }

  private info(): Reply {
    if (this.lastId === "0-0") return "-ERR no such key";
    const [first] = this.entries;
    return [
      "length",
      this.entries.length,
      "last-generated-id",
      this.lastId,
      "entries-added",
      this.added,
      "first-entry",
      first === undefined ? null : replyOf(first),
    ];
  }

  /** Answers soon where there is an entry behind the id, else with the next one or when the time is over. */
  private waitBehind(id: string, waitMs: number, answer: (reply: Reply) => void): Reply | undefined {
    const found = () => this.entries.find((entry) => compareIds(entry.id, id) > 0);
    const replyWith = (entry: Entry | undefined) => entry === undefined ? null : [[KEY, [replyOf(entry)]]];
    const there = found();
    if (there !== undefined) return replyWith(there);
    const end = () => {
      if (!this.waiting.delete(end)) return;
      callOff();
      answer(replyWith(found()));
    };
    this.waiting.add(end);
    const callOff = this.surroundings.scheduler.after(waitMs, end);
    return undefined;
  }

  /** The product removes what it says is on disk: what it has not read is missing then, and not told. */
  private trim(before: string): Reply {
    const kept = this.entries.filter(({ id }) => compareIds(id, before) >= 0);
    const count = this.entries.length - kept.length;
    this.entries = kept;
    if (count > 0) {
      this.surroundings.trace.note("redis", `${count} before ${before} are trimmed by the handler`);
    }
    return count;
  }

  private remove(): void {
    const { dice, trace } = this.surroundings;
    if (this.entries.length === 0) return;
    const isTrim = dice.chance(0.6);
    const at = isTrim ? 0 : dice.between(0, this.entries.length - 1);
    for (const { event, id } of this.entries.splice(at, isTrim ? dice.between(1, 8) : 1)) {
      trace.note("redis", `${id} is removed`);
      event.isGone = true;
      event.isUnknown = !this.isBegun;
    }
  }
}

/** A client of the server. */
class RedisGuest implements Guest {
  private rest = Buffer.alloc(0);
  private queued: string[][] | undefined;
  private readonly commands: string[][] = [];
  private isWaiting = false;

  constructor(private readonly end: ServerEnd, private readonly bus: RedisBus) {}

  take(bytes: Buffer): void {
    this.rest = Buffer.concat([this.rest, bytes]);
    for (let found = this.cut(); found !== undefined; found = this.cut()) this.commands.push(found);
    this.work();
  }

  left(): void {}

  /** Carries out what has come, in order, up to a command that waits. */
  private work(): void {
    while (!this.isWaiting && this.commands.length > 0) {
      const command = this.commands.shift()!;
      const reply = this.carryOut(command, (later) => {
        this.isWaiting = false;
        this.end.send(encoded(later));
        this.work();
      });
      if (reply === undefined) this.isWaiting = true;
      else this.end.send(encoded(reply));
    }
  }

  private carryOut(command: string[], answer: (reply: Reply) => void): Reply | undefined {
    if (command[0] === "MULTI") {
      this.queued = [];
      return "+OK";
    }
    const { queued } = this;
    if (command[0] === "EXEC") {
      this.queued = undefined;
      return queued!.map((one) => this.bus.carryOut(one, answer)!);
    }
    if (queued === undefined) return this.bus.carryOut(command, answer);
    queued.push(command);
    return "+QUEUED";
  }

  /** The next whole command; undefined: more bytes are needed. */
  private cut(): string[] | undefined {
    let at = 0;
    const line = () => {
      const end = this.rest.indexOf("\r\n", at);
      if (end < 0) return undefined;
      const number = Number(this.rest.toString("latin1", at + 1, end));
      at = end + 2;
      return number;
    };
    const count = line();
    if (count === undefined) return undefined;
    const command: string[] = [];
    while (command.length < count) {
      const length = line();
      if (length === undefined || this.rest.length < at + length + 2) return undefined;
      command.push(this.rest.toString("utf8", at, at + length));
      at += length + 2;
    }
    this.rest = this.rest.subarray(at);
    return command;
  }
}

function replyOf({ event, id }: Entry): Reply {
  return [id, [FIELD, event.text]];
}

/** A text that begins with + or - is a status or an error. */
function encoded(reply: Reply): string {
  if (reply === null) return "$-1\r\n";
  if (typeof reply === "number") return `:${reply}\r\n`;
  if (Array.isArray(reply)) return `*${reply.length}\r\n${reply.map(encoded).join("")}`;
  return /^[+-]/.test(reply) ? `${reply}\r\n` : `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
}
