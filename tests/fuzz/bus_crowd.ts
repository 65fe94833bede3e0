import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { descriptorCount, residentBytes } from "../soak/sample.ts";
import { PATIENCE_MS, pause, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { ServerProcess } from "../support/server_process.ts";
import { below, oneOf } from "./draw.ts";
import type { Random, Target, Trial } from "./target.ts";

export interface Crowd {
  readonly name: string;
  readonly what: string;
  /** How many connections at most, of which half at least come. */
  readonly connectionsMax: number;
  /** Files that the bus may have open; undefined: as many as we. */
  readonly descriptorsMax?: number;
}

/** The program's `bus`, in its own process, with a crowd of simultaneous connections that never end. */
export function busCrowd(crowd: Crowd): Target {
  const { name, what, connectionsMax } = crowd;
  return { name, what, parameters: `--connections ${connectionsMax}`, open: () => BusCrowdTrial.open(crowd) };
}

const PROGRAM = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const HONEST_ROUNDS = 10;
const HONEST_EVENTS = 50;
const CONNECTING_AT_A_TIME = 100;
/** What the runtime opens and closes by itself. */
const STRAY_DESCRIPTORS = 8;
/**
 * Memory that the process has used once it keeps for the next crowd. The dearest are those with half a body:
 * 190 KiB each. When garbage is collected is the runtime's business, hence several times as much; what leaks
 * grows with each crowd beyond any limit.
 */
const CONNECTION_MAX_BYTES = 1024 * 1024;
const WORKING_BYTES = 256 * 1024 * 1024;
const TRICKLE_MS = 20;
const ENCODER = new TextEncoder();
const HEAD_END = "HTTP/1.1\r\nhost: localhost\r\n";

/** The first bytes of a crowd's connections, and the later ones. */
const HABITS: readonly { readonly first: string; readonly trickle: string }[] = [
  { first: "", trickle: "" },
  { first: "GET /events?wait=60&off", trickle: "" },
  { first: `POST /events ${HEAD_END}content-length: 9999\r\n\r\n[{},{`, trickle: "" },
  { first: `GET /healthz ${HEAD_END}\r\n`, trickle: "" },
  { first: `GET /metrics?wait=60 ${HEAD_END}\r\n`, trickle: "" },
  // What the bus keeps of them for as long as they like is bounded.
  { first: "GET /events?limit=100000 " + HEAD_END + "\r\n", trickle: "" },
  { first: `POST /events ${HEAD_END}content-length: 999999\r\n\r\n[${"{},".repeat(40_000)}`, trickle: "" },
  { first: "GET /hea", trickle: `lthz ${HEAD_END}x-slow: ${"x".repeat(1000)}` },
  { first: `POST /events ${HEAD_END}content-length: 9999\r\n\r\n`, trickle: `[${"{},".repeat(1000)}` },
];

interface Member {
  readonly connection: Deno.TcpConn;
  trickle: string;
}

class BusCrowdTrial implements Trial {
  readonly isStateful = true;
  private readonly client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  private descriptorsAtRest = 0;
  private residentAtRest = 0;

  private constructor(
    private readonly crowd: Crowd,
    private readonly directory: string,
    private readonly port: number,
    private readonly process: ServerProcess,
  ) {}

  static async open(crowd: Crowd): Promise<BusCrowdTrial> {
    const directory = await Deno.makeTempDir({ prefix: "vabus-fuzz-" });
    const port = freePort();
    const limit = crowd.descriptorsMax === undefined ? "" : `ulimit -n ${crowd.descriptorsMax}; `;
    const runtime = [Deno.execPath(), "run", "--quiet", "--no-check", "--allow-all"];
    const bus = ["bus", "--listen", `127.0.0.1:${port}`, "--data-dir", `${directory}/bus`];
    const process = new ServerProcess({
      command: ["sh", "-c", `${limit}exec "$@"`, "sh", ...runtime, PROGRAM, ...bus, "--max-events", "1000"],
      logFile: `${directory}/log`,
      stopSignal: "SIGTERM",
      isReady: () => isListening(port),
    });
    await process.start();
    const trial = new BusCrowdTrial(crowd, directory, port, process);
    await trial.publishAndFetch();
    trial.descriptorsAtRest = descriptorCount(process.pid);
    trial.residentAtRest = residentBytes(process.pid);
    return trial;
  }

  async attempt(random: Random): Promise<string> {
    const members = await this.gather(random);
    const over = new AbortController();
    const trickling = trickle(members, over.signal);
    try {
      for (let round = 0; round < HONEST_ROUNDS; round++) await this.publishAndFetch();
    } finally {
      over.abort();
      await trickling;
      for (const { connection } of members) connection.close();
    }
    const descriptors = () => descriptorCount(this.process.pid);
    await until(
      () => descriptors() <= this.descriptorsAtRest + STRAY_DESCRIPTORS,
      () => `the bus to let go of ${descriptors()} files; it had ${this.descriptorsAtRest} before the crowd`,
      PATIENCE_MS,
    );
    await until(() => this.longPoll(), "the bus to have room for a reader that waits", PATIENCE_MS);
    this.assertBounded(residentBytes(this.process.pid));
    return "crowds outlived";
  }

  async conclude(): Promise<void> {
    const log = await Deno.readTextFile(`${this.directory}/log`);
    assert.doesNotMatch(log, /could not be answered|internal error|panicked/);
    if (this.crowd.descriptorsMax !== undefined) assert.match(log, /too many open files/i);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.process.stop();
    await Deno.remove(this.directory, { recursive: true });
  }

  private async gather(random: Random): Promise<Member[]> {
    const { connectionsMax, descriptorsMax } = this.crowd;
    const size = Math.ceil(connectionsMax / 2) + below(random, connectionsMax / 2);
    const habits = Array.from({ length: size }, () => oneOf(random, HABITS));
    const members: Member[] = [];
    while (habits.length > 0) {
      const joining = habits.splice(0, CONNECTING_AT_A_TIME).map(({ first, trickle }) =>
        join(this.port, first, trickle)
      );
      members.push(...(await Promise.all(joining)).filter((member) => member !== undefined));
    }
    if (descriptorsMax === undefined) assert.equal(members.length, size, "a connection was refused");
    return members;
  }

  /**
   * What an honest client publishes is what it fetches. Where there are too few descriptors it may have to
   * try again.
   */
  private async publishAndFetch(): Promise<void> {
    const attempt = async () => {
      const events = Array.from({ length: HONEST_EVENTS }, (_, i) => ({ name: "n", value: i, timestamp: 1 }));
      const { next } = await this.ask("/events", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(events),
      });
      const fetched = await this.ask(`/events?offset=${next - HONEST_EVENTS}&limit=${HONEST_EVENTS}`);
      assert.deepEqual(fetched.events, events);
      return true;
    };
    if (this.crowd.descriptorsMax === undefined) await attempt();
    else await until(attempt, "an honest client to be served", PATIENCE_MS);
  }

  /** @throws as long as those who have gone away count as readers. */
  private async longPoll(): Promise<true> {
    const { next } = await this.ask("/healthz");
    await this.ask(`/events?offset=${next}&wait=0.01`);
    return true;
  }

  private async ask(path: string, init: RequestInit = {}) {
    const { client } = this;
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const reply = await fetch(`http://127.0.0.1:${this.port}${path}`, { ...init, client, signal });
    const text = await reply.text();
    assert.ok(reply.ok, `${reply.status} ${text}`);
    return JSON.parse(text);
  }

  /** However many crowds there have been. */
  private assertBounded(resident: number): void {
    const grown = resident - this.residentAtRest;
    const max = WORKING_BYTES + this.crowd.connectionsMax * CONNECTION_MAX_BYTES;
    assert.ok(grown < max, `${(grown / 1024 / 1024).toFixed()} MiB more than before the first crowd`);
  }
}

async function isListening(port: number): Promise<boolean> {
  const reply = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
  await reply?.body?.cancel();
  return reply?.ok ?? false;
}

/** Undefined where the bus has given the connection up at once. */
async function join(port: number, first: string, trickle: string): Promise<Member | undefined> {
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (/too many open files/i.test((error as Error).message)) {
      throw new Error("too few descriptors for the crowd itself; raise ulimit -n", { cause: error });
    }
    return undefined;
  }
  await connection.write(ENCODER.encode(first)).catch(() => {});
  return { connection, trickle };
}

/** Sends the slow ones' requests on, a byte of each at a time. */
async function trickle(members: readonly Member[], over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    for (const member of members) {
      if (member.trickle === "") continue;
      // The bus may have given the connection up.
      await member.connection.write(ENCODER.encode(member.trickle[0])).catch(() => {});
      member.trickle = member.trickle.slice(1);
    }
    await pause(TRICKLE_MS);
  }
}
