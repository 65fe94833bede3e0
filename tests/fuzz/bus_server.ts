import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { type BusServer, startBus } from "../../src/bus/server.ts";
import { anyBytes, below, chance, oddText, oneOf } from "./draw.ts";
import { mutated } from "./mutation.ts";
import { replyText } from "./scanner.ts";
import type { Random, Target, Trial } from "./target.ts";
import { loggerTo } from "../support/logs.ts";

/**
 * The reference bus with clients of every kind. Whatever they send, it answers others, and its event log
 * stays consistent.
 */
export const busServer: Target = {
  name: "bus-server",
  what: "the reference bus before broken, huge, slow and many requests: never an internal error, its log " +
    "stays whole",
  open: () => BusServerTrial.open(),
};

const MAX_EVENTS = 300;
const MAX_BYTES = 1_000_000;
/**
 * A request may wait for a body that never comes: it is left open until others, who came after it, were
 * answered so many times.
 */
const OTHERS_ANSWERED = 5;
const MANY = 150;
const ENCODER = new TextEncoder();
/** How the bus may be called; by any other name it does not answer. */
const HOST = "bus";
/** Packed, they are next to nothing; each of them was once worth an object or a level of a stack. */
const AMPLIFIED = ["{},", "[],", "1,", '"",', "[", '{"a":', '{"a":1,', " ", "\\", '"'];
/** What browsers say for pages of others. */
const FOREIGN: readonly Readonly<Record<string, string>>[] = [
  { host: "evil.example" },
  { host: "bus.evil.example:8000" },
  { host: HOST, origin: "http://evil.example" },
  { host: HOST, origin: "null" },
  { host: "127.0.0.1", "sec-fetch-site": "cross-site" },
  { host: "localhost", "sec-fetch-site": "same-site" },
];
/** More than the bus takes, once it is inflated. */
const BOMB = Uint8Array.from(gzipSync(new Uint8Array(65 * 1024 * 1024)));

interface Health {
  readonly log: string;
  readonly first: number;
  readonly next: number;
}

class BusServerTrial implements Trial {
  readonly isStateful = true;
  private before: Health = { log: "", first: 0, next: 0 };

  private constructor(
    private readonly bus: BusServer,
    private readonly directory: string,
    private readonly troubles: string[],
  ) {}

  static async open(): Promise<BusServerTrial> {
    const directory = await Deno.makeTempDir({ prefix: "vabus-fuzz-" });
    const troubles: string[] = [];
    const logger = loggerTo(troubles, "error");
    const bus = startBus({
      hostname: "127.0.0.1",
      port: 0,
      store: { kind: "sqlite", path: `${directory}/bus.sqlite` },
      maxEvents: MAX_EVENTS,
      maxBytes: MAX_BYTES,
      // Who reads is drawn at random, and does not keep the others from publishing.
      whenFull: "drop-oldest",
      consumerExpiryMs: 60_000,
      allowedHosts: [HOST],
      logger,
    });
    const trial = new BusServerTrial(bus, directory, troubles);
    trial.before = await trial.health();
    return trial;
  }

  async attempt(random: Random): Promise<string> {
    const outcome = await this.request(random);
    assert.deepEqual(this.troubles, [], "the bus could not answer");
    const now = await this.health();
    assert.equal(now.log, this.before.log);
    assert.ok(now.first >= this.before.first && now.next >= this.before.next && now.first <= now.next);
    assert.ok(now.next - now.first <= MAX_EVENTS);
    this.before = now;
    if (chance(random, 0.1)) await this.assertWhole();
    return outcome;
  }

  async conclude(): Promise<void> {
    await this.assertWhole();
    // Readers that have gone away must not count for ever: one more may still wait.
    const { status } = await this.get(`/events?offset=${this.before.next}&wait=0.01`);
    assert.equal(status, 200);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bus.close();
    await Deno.remove(this.directory, { recursive: true });
  }

  private async request(random: Random): Promise<string> {
    if (chance(random, 0.3)) return await this.publish(random);
    if (chance(random, 0.005)) return await this.crowd(random);
    if (chance(random, 0.05)) return await this.foreign(random);
    if (chance(random, 0.01)) return await this.amplified(random);
    if (chance(random, 0.003)) {
      return await this.answer([post("/events", BOMB, { "content-encoding": "gzip" })], random, true);
    }
    let bytes = oneOf(random, [readRequest, readRequest, oddPost, oddRequest])(random, this.before);
    if (chance(random, 0.4)) bytes = mutated(random, bytes);
    // A slow client: the rest comes when others have been served.
    const cut = below(random, bytes.length);
    const pieces = chance(random, 0.2) ? [bytes.subarray(0, cut), bytes.subarray(cut)] : [bytes];
    return await this.answer(pieces, random, false);
  }

  /** What is published rightly is there, each event in the bytes it was sent in. */
  private async publish(random: Random): Promise<string> {
    const events = Array.from({ length: below(random, 40) }, () => eventText(random));
    const body = ENCODER.encode(`[${events.join(oneOf(random, [",", " ,\n", ",\t "]))}]`);
    const isPacked = chance(random, 0.3);
    const reply = await fetch(`${this.bus.url}/events`, {
      method: "POST",
      body: isPacked ? Uint8Array.from(gzipSync(body)) : body,
      headers: { "content-type": "application/json", ...(isPacked && { "content-encoding": "gzip" }) },
    });
    const answer = await reply.json();
    assert.equal(reply.status, 202, JSON.stringify(answer));
    const start = answer.next - events.length;
    assert.ok(start >= this.before.next);
    const { first } = await this.health();
    const from = Math.max(first, start);
    const kept = events.slice(from - start).map((event) => event.trim());
    if (kept.length === 0) return "published";
    const { text } = await this.get(`/events?offset=${from}&limit=${kept.length}`);
    assert.equal(text.slice(text.indexOf("[")), `[${kept.join(",")}]}`);
    return "published";
  }

  /** A page of a third party neither reads, publishes nor takes anything. */
  private async foreign(random: Random): Promise<string> {
    const headers = oneOf(random, FOREIGN);
    const path = oneOf(random, ["/events", "/event", "/metrics"]);
    const bytes = chance(random, 0.5) ? get(path, headers) : post(path, ENCODER.encode("[{}]"), headers);
    const before = await this.health();
    assert.equal(await this.answer([bytes], random, true), "403");
    assert.deepEqual(await this.health(), before);
    return "a page refused";
  }

  /** What becomes much when it is inflated or read costs its sender the request, and nobody else anything. */
  private async amplified(random: Random): Promise<string> {
    const unit = oneOf(random, AMPLIFIED);
    const body = gzipSync(`[${unit.repeat(1 + below(random, 20_000_000) / unit.length)}`);
    const before = await this.health();
    const headers = { "content-encoding": "gzip", "content-type": "application/json" };
    const path = oneOf(random, ["/events", "/metrics"]);
    const status = await this.answer([post(path, Uint8Array.from(body), headers)], random, true);
    assert.match(status, /^(400|413)$/, unit);
    assert.deepEqual(await this.health(), before);
    return "amplified, refused";
  }

  /** Many clients that say half of what they want and wait; one that asks properly is answered. */
  private async crowd(random: Random): Promise<string> {
    const connections: Deno.TcpConn[] = [];
    try {
      for (let i = 0; i < MANY; i++) {
        const connection = await this.connect();
        connections.push(connection);
        const bytes = chance(random, 0.5)
          ? get(`/events?offset=${this.before.next}&wait=60`)
          : oddPost(random).slice(0, below(random, 100));
        await connection.write(bytes).catch(() => {});
      }
      await this.health();
    } finally {
      for (const connection of connections) connection.close();
    }
    return "a crowd";
  }

  /** Sends bytes; others are served in between. Returns the status that came, if one did. */
  private async answer(
    pieces: readonly Uint8Array[],
    random: Random,
    isPatient: boolean,
  ): Promise<string> {
    using connection = await this.connect();
    let reply = "";
    let isComplete = false;
    const reading = readAll(connection, (text) => reply += text).then(() => isComplete = true);
    for (const [i, piece] of pieces.entries()) {
      if (i > 0) await this.health();
      if (!await sent(connection, piece)) break;
    }
    // Some never read what they have asked for.
    if (!isPatient && chance(random, 0.05)) return "left early";
    if (isPatient) await reading;
    for (let others = 0; others < OTHERS_ANSWERED && !isComplete; others++) await this.health();
    if (reply === "") return "unanswered";
    const [, status] = /^HTTP\/1\.[01] (\d{3}) /.exec(reply) ?? [];
    assert.ok(status !== undefined, `no reply of HTTP: ${reply.slice(0, 200)}`);
    assert.ok(Number(status) < 500 || status === "503", reply.slice(0, 500));
    assert.doesNotMatch(reply, /\bat .+:\d+:\d+/, "a stack trace");
    return status;
  }

  private connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.bus.port });
  }

  private async health(): Promise<Health> {
    const { status, text } = await this.get("/healthz");
    assert.equal(status, 200);
    return JSON.parse(text);
  }

  /** What is in the log is as many events as it says, each one JSON, whoever sent them. */
  private async assertWhole(): Promise<void> {
    const { text } = await this.get(`/events?limit=${MAX_EVENTS}`);
    const { offset, next, events } = JSON.parse(text);
    assert.equal(events.length, next - offset);
    for (const event of events) {
      assert.ok(event !== null && typeof event === "object" && !Array.isArray(event));
    }
    // What a client has asked for that left early may have been done only now.
    assert.ok(offset >= this.before.first && next >= this.before.next);
  }

  private async get(path: string): Promise<{ status: number; text: string }> {
    const reply = await fetch(this.bus.url + path);
    return { status: reply.status, text: await reply.text() };
  }
}

/** False when the bus has closed the connection: it need not listen to the end. */
async function sent(connection: Deno.TcpConn, bytes: Uint8Array): Promise<boolean> {
  try {
    for (let written = 0; written < bytes.length;) {
      written += await connection.write(bytes.subarray(written));
    }
    return true;
  } catch {
    return false;
  }
}

async function readAll(connection: Deno.TcpConn, take: (text: string) => void): Promise<void> {
  const piece = new Uint8Array(64 * 1024);
  try {
    for (;;) {
      const length = await connection.read(piece);
      if (length === null) return;
      take(new TextDecoder("latin1").decode(piece.subarray(0, length)));
    }
  } catch {
    // Reset by the bus, or closed by us.
  }
}

function readRequest(random: Random, { first, next }: Health): Uint8Array<ArrayBuffer> {
  const number = () =>
    oneOf(random, [`${first}`, `${next}`, `${next + 1}`, `${first - 1}`, "0", "-1", "1e3", "", "0.5", "x"]);
  const parameters = ["offset", "limit", "wait", "ack"].filter(() => chance(random, 0.5))
    .map((name) => `${name}=${chance(random, 0.8) ? number() : "9".repeat(below(random, 400))}`);
  if (chance(random, 0.5)) parameters.push(`consumer=${encoded(oddText(random, 5))}`);
  if (chance(random, 0.1)) parameters.push(...parameters);
  const path = oneOf(random, ["/events", "/events", "/metrics", "/event", "/healthz", "/", "//", "/events/"]);
  return get(`${path}?${parameters.join("&")}`, chance(random, 0.3) ? { "accept-encoding": "gzip" } : {});
}

function oddPost(random: Random): Uint8Array<ArrayBuffer> {
  const text = ENCODER.encode(
    oneOf(random, [`[${eventText(random)}]`, "{}", "", "[", "[1,]", "null", replyText(random)]),
  );
  const body = chance(random, 0.3)
    ? mutated(random, text)
    : chance(random, 0.2)
    ? anyBytes(random, 300)
    : text;
  const headers: Record<string, string> = {};
  if (chance(random, 0.3)) {
    headers["content-length"] = oneOf(random, [
      "0",
      "1",
      "-1",
      "x",
      "99999",
      "67108865",
      "9".repeat(20),
      "1, 2",
    ]);
  }
  if (chance(random, 0.2)) headers["transfer-encoding"] = oneOf(random, ["chunked", "gzip", "chunked, x"]);
  if (chance(random, 0.3)) {
    headers["content-encoding"] = oneOf(random, [
      "gzip",
      "x-gzip",
      "br",
      "GZIP",
      "gzip, gzip",
      oddText(random, 3),
    ]);
  }
  return post(oneOf(random, ["/events", "/metrics", "/event", "/healthz"]), body, headers);
}

function oddRequest(random: Random): Uint8Array<ArrayBuffer> {
  const method = oneOf(random, [
    "GET",
    "HEAD",
    "PUT",
    "DELETE",
    "OPTIONS",
    "CONNECT",
    "TRACE",
    "get",
    "__proto__",
  ]);
  const target = oneOf(random, [
    "/events",
    "*",
    "http://bus/events",
    "http://[::1/events",
    "bus:80",
    "/%",
    "/%00",
    `/${"a".repeat(below(random, 9000))}`,
    `/${encoded(oddText(random, 5))}`,
  ]);
  const host = oneOf(random, [
    HOST,
    HOST,
    HOST,
    "",
    "a b",
    "[",
    "a:b",
    "a/b",
    "a@b",
    "%",
    "x".repeat(300),
    "é",
  ]);
  const lines = Array.from({ length: below(random, 5) }, (_, i) => `x-${i}: ${oddText(random, 20)}`);
  if (chance(random, 0.05)) lines.push(...Array.from({ length: 300 }, (_, i) => `y-${i}: z`));
  return Uint8Array.from(ENCODER.encode(
    [`${method} ${target} HTTP/1.${oneOf(random, [1, 1, 0, 9])}`, `host: ${host}`, ...lines, "", ""].join(
      "\r\n",
    ),
  ));
}

/** An event, or an object that is none; well-formed JSON in any case. */
function eventText(random: Random): string {
  return oneOf(random, [
    `{"name":"n","value":${below(random, 1000)},"timestamp":1760000000}`,
    `{"name":${JSON.stringify(oddText(random, 10))} , "name":"twice","value":1e400}`,
    `{${JSON.stringify(oddText(random, 30))}:null}`,
    `{"name":${"[".repeat(50)}${"]".repeat(50)}}`,
    '{"],[":"}{"}',
    "{ }",
    '{"value":-0.0E+00}',
    ` {"a" : "\\ud800"} `,
    `{"name":"${"x".repeat(below(random, 3000))}"}`,
  ]);
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function get(target: string, headers: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
  return requestBytes(`GET ${target} HTTP/1.1`, new Uint8Array(), headers);
}

function post(
  path: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  return requestBytes(`POST ${path} HTTP/1.1`, body, { "content-length": `${body.length}`, ...headers });
}

function requestBytes(
  line: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const all = Object.entries({ host: HOST, connection: "close", ...headers });
  const head = ENCODER.encode(
    `${line}\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
  );
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}
