/** A NATS in memory, with one stream, for what a real server does seldom or never. */
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers";
import type { Clock } from "../../../src/platform/clock/clock.ts";
import type { ConnectSocket } from "../../../src/platform/net/server_socket.ts";

/** Where it is said to be. */
export const ADDRESS = { host: "n", port: Number("4222") };
/** The number of the subscription to what is pulled. */
const PULLED = 2;

/** A message of the stream. */
export interface KeptMessage {
  readonly sequence: number;
  readonly timeNs: bigint;
  readonly body: string;
}

/** What a client asks a consumer for. */
export interface Wanted {
  readonly batch: number;
  readonly no_wait: boolean;
  /** Nanoseconds. */
  readonly expires?: number;
  readonly max_bytes?: number;
}

/** A clock that stands still until a test lets a sleep end. */
export class StandingClock implements Clock {
  private readonly sleeps: { readonly ms: number; readonly signal: AbortSignal; readonly end: () => void }[] =
    [];

  /** Since it began. */
  passedMs = 0;

  nowMs(): number {
    return 5000;
  }

  monotonicMs(): number {
    return this.passedMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((end) => {
      this.sleeps.push({ ms, signal, end });
      signal.addEventListener("abort", () => end());
    });
  }

  /** How long those sleep that nobody has called off. */
  get asleep(): readonly number[] {
    return this.sleeps.filter(({ signal }) => !signal.aborted).map(({ ms }) => ms);
  }

  wakeAll(): void {
    for (const { end } of this.sleeps.splice(0)) end();
  }
}

/** The server's side of a connection. */
export class FakeSocket extends EventEmitter {
  isDestroyed = false;
  /** All that the client has written. */
  written = "";
  private rest = "";

  /** @param heard Gets each line, and the body of what is published. */
  constructor(private readonly heard: (socket: FakeSocket, line: string, body: string) => void) {
    super();
  }

  write(text: string): boolean {
    this.written += text;
    this.rest += text;
    for (let end; (end = this.rest.indexOf("\r\n")) >= 0;) {
      const line = this.rest.slice(0, end);
      const size = /^PUB .* (\d+)$/.exec(line)?.[1];
      const next = end + 2 + (size === undefined ? 0 : Number(size) + 2);
      if (this.rest.length < next) return true;
      const body = this.rest.slice(end + 2, next - 2);
      this.rest = this.rest.slice(next);
      this.heard(this, line, size === undefined ? "" : body);
    }
    return true;
  }

  /** Says something to the client. */
  say(text: string): void {
    this.emit("data", Buffer.from(text));
  }

  answer(inbox: string, body: string): void {
    this.say(`MSG ${inbox} 1 ${Buffer.byteLength(body)}\r\n${body}\r\n`);
  }

  /** @param status Such as `404 No Messages`. */
  status(inbox: string, status: string, subscription = PULLED): void {
    const header = `NATS/1.0 ${status}\r\n\r\n`;
    this.say(`HMSG ${inbox} ${subscription} ${header.length} ${header.length}\r\n${header}\r\n`);
  }

  message({ body, sequence, timeNs }: KeptMessage, delivery: number, pending: number): void {
    const reply = `$JS.ACK.S.c.1.${sequence}.${delivery}.${timeNs}.${pending}`;
    this.say(`MSG S.e ${PULLED} ${reply} ${Buffer.byteLength(body)}\r\n${body}\r\n`);
  }

  destroy(): void {
    this.isDestroyed = true;
  }
}

interface Consumer {
  at: number;
  delivered: number;
}

/** The server. A test changes what it has, and what it does instead of what a server would do. */
export class FakeNats {
  /** What it greets with; undefined: it says nothing. */
  greeting: string | undefined = "INFO {}\r\n";
  created = "2026-01-01T00:00:00Z";
  nowText: string | undefined = "2026-01-02T00:00:00Z";
  subjects: readonly string[] = ["S.>"];
  kept: KeptMessage[] = [];
  /** By how much later its messages come. */
  laterNs = 0n;
  last = 0;
  /** Requests, by their subjects below the API's, with their bodies. */
  readonly asked: (readonly [subject: string, body: string])[] = [];
  readonly sockets: FakeSocket[] = [];
  /** Answers instead of the server where it gives something. */
  answers: (subject: string, body: string) => string | undefined = () => undefined;
  /** Serves a pull instead of the server where it returns true. */
  pulled: (socket: FakeSocket, inbox: string, wanted: Wanted, consumer: Consumer) => boolean = () => false;
  /** Hears a line instead of the server where it returns true. */
  heard: (socket: FakeSocket, line: string) => boolean = () => false;
  private readonly byName = new Map<string, Consumer>();

  readonly connect: ConnectSocket = () => {
    const socket = new FakeSocket((socket, line, body) => this.hear(socket, line, body));
    this.sockets.push(socket);
    setImmediate(() => this.greeting !== undefined && socket.say(this.greeting));
    return Promise.resolve(socket as unknown as Socket);
  };

  /** Messages of one event each, from e`from` to e`to`, without the latter. */
  add(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const sequence = ++this.last;
      const body = JSON.stringify({ name: `e${i}`, value: 1, timestamp: 1000 });
      this.kept.push({ sequence, timeNs: BigInt(sequence) * 1_000_000n + this.laterNs, body });
    }
  }

  /** Removes messages by their numbers. */
  remove(...sequences: readonly number[]): void {
    this.kept = this.kept.filter(({ sequence }) => !sequences.includes(sequence));
  }

  /** The same messages are others, which came later. */
  delay(): void {
    this.laterNs++;
    this.kept = this.kept.map((message) => ({ ...message, timeNs: message.timeNs + 1n }));
  }

  /** Lets go of all consumers. */
  forgetConsumers(): void {
    this.byName.clear();
  }

  get consumers(): readonly Consumer[] {
    return [...this.byName.values()];
  }

  get consumerCount(): number {
    return this.byName.size;
  }

  /** What it says of its stream. */
  info(withDeleted: boolean): Record<string, unknown> {
    const { created, kept, last, nowText, subjects } = this;
    const first = kept[0]?.sequence ?? 0;
    const there = new Set(kept.map(({ sequence }) => sequence));
    const deleted = kept.length === 0
      ? []
      : Array.from({ length: last - first }, (_, i) => first + i).filter((sequence) => !there.has(sequence));
    return {
      config: { subjects },
      created,
      ts: nowText,
      state: {
        first_seq: first,
        last_seq: last,
        messages: kept.length,
        num_deleted: deleted.length,
        ...(withDeleted && { deleted }),
      },
    };
  }

  private hear(socket: FakeSocket, line: string, body: string): void {
    if (this.heard(socket, line)) return;
    if (line === "PING") return socket.say("PONG\r\n");
    const [, subject, inbox = ""] = /^PUB \$JS\.API\.(\S+) (\S+) /.exec(line) ?? [];
    if (subject === undefined) return;
    this.asked.push([subject, body]);
    const answer = this.answers(subject, body);
    if (answer !== undefined) return socket.answer(inbox, answer);
    if (subject.startsWith("STREAM.INFO")) {
      return socket.answer(inbox, JSON.stringify(this.info(body.includes("deleted_details"))));
    }
    const name = subject.split(".")[subject.startsWith("CONSUMER.MSG") ? 4 : 3]!;
    if (subject.startsWith("CONSUMER.CREATE")) {
      this.byName.set(name, { at: this.startOf(JSON.parse(body).config), delivered: 0 });
      return socket.answer(inbox, JSON.stringify({ name }));
    }
    if (subject.startsWith("CONSUMER.DELETE")) {
      this.byName.delete(name);
      return socket.answer(inbox, '{"success":true}');
    }
    this.pull(socket, inbox, JSON.parse(body), this.byName.get(name));
  }

  private startOf(config: { opt_start_seq?: number; opt_start_time?: string }): number {
    const { opt_start_seq, opt_start_time = "" } = config;
    if (opt_start_seq !== undefined) return opt_start_seq;
    const [seconds, fraction = "0"] = opt_start_time.replace("Z", "").split(".");
    const ns = BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction);
    return this.kept.find(({ timeNs }) => timeNs >= ns)?.sequence ?? this.last + 1;
  }

  private pull(socket: FakeSocket, inbox: string, wanted: Wanted, consumer: Consumer | undefined): void {
    if (consumer === undefined) return socket.status(inbox, "503");
    if (this.pulled(socket, inbox, wanted, consumer)) return;
    const found = this.kept.filter(({ sequence }) => sequence >= consumer.at);
    const given = found.slice(0, wanted.batch);
    for (const [i, message] of given.entries()) {
      consumer.at = message.sequence + 1;
      socket.message(message, ++consumer.delivered, found.length - i - 1);
    }
    if (given.length < wanted.batch) {
      socket.status(inbox, wanted.expires === undefined ? "404 No Messages" : "408 Request Timeout");
    }
  }
}
