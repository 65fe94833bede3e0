/** The way to a server, by Sentinels too, and what of a stream is removed there. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import type { ConnectSocket } from "../../../src/platform/net/server_socket.ts";
import { RedisServer } from "../../../src/sources/redis/redis_server.ts";
import { StreamTrimmer } from "../../../src/sources/redis/stream_trimmer.ts";
import { errorOf } from "../file/written_files.ts";
import { array, bulk, ScriptedRedis } from "./scripted_redis.ts";
import { loggerTo } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const SENTINEL_PORT = 26_379;
const CLOCK = { sleep: () => new Promise<void>(() => {}) };

type Answer = (command: readonly string[]) => string | Buffer | undefined;
type Buffer = ReturnType<typeof bulk>;

const roleOf = (role: string | Buffer) => array(role);
const MASTER: Answer = ([name]) => name === "ROLE" ? roleOf(bulk("master")) : undefined;
const pointingTo = (...parts: readonly (string | Buffer)[]): Answer => ([name]) =>
  name === "SENTINEL" ? array(...parts) : undefined;
const TO_MASTER = pointingTo(bulk("master"), bulk("6379"));

/** Connects by way of Sentinels to servers that answer so; without an answer, one is away. */
function rig(
  answers: Readonly<Record<string, Answer | undefined>>,
  sentinels = ["s1", "s2"],
  login?: { username: undefined; password: string },
) {
  const reached: string[] = [];
  const asked: string[] = [];
  const sockets: { readonly host: string; readonly socket: ReturnType<ScriptedRedis["socket"]> }[] = [];
  const connect: ConnectSocket = ({ host, port }) => {
    reached.push(`${host}:${port}`);
    const answer = answers[host];
    if (answer === undefined) return Promise.reject(new Error(`${host} is away`));
    const redis = new ScriptedRedis();
    redis.instead = (command) => {
      asked.push(`${host} ${command.filter((word) => word !== "=").join(" ")}`);
      return answer(command);
    };
    const socket = redis.socket();
    sockets.push({ host, socket });
    return Promise.resolve(socket);
  };
  const endpoint = {
    kind: "sentinel",
    sentinels: sentinels.map((host) => ({ host, port: SENTINEL_PORT })),
    master: "plant",
  } as const;
  const access = { tls: undefined, connect, login, database: 0 };
  const server = new RedisServer(endpoint, access, CLOCK);
  const open = () => sockets.filter(({ socket }) => !socket.destroyed).map(({ host }) => host);
  return { access, asked, open, reached, server };
}

Deno.test("Sentinels are asked in their order until one leads to a master", async () => {
  const { open, reached, server } = rig({ s1: undefined, s2: TO_MASTER, master: MASTER });
  const connection = await server.connect(NEVER);
  assert.deepEqual([reached, connection.isOpen], [["s1:26379", "s2:26379", "master:6379"], true]);
  assert.deepEqual(open(), ["master"]);
  connection.close();
  const first = rig({ s1: TO_MASTER, master: MASTER });
  (await first.server.connect(NEVER)).close();
  assert.deepEqual(first.reached, ["s1:26379", "master:6379"]);
});

Deno.test("a server that is no master, or a Sentinel that names none, says so", async () => {
  const failure = async (answers: Readonly<Record<string, Answer | undefined>>) => {
    const { open, server } = rig(answers, ["s1"]);
    const { kind, message } = await errorOf(server.connect(NEVER));
    assert.deepEqual(open(), []);
    return `${kind} ${message}`;
  };
  const replica: Answer = ([name]) => name === "ROLE" ? roleOf(bulk("slave")) : undefined;
  assert.match(
    await failure({ s1: TO_MASTER, master: replica }),
    /^unavailable Redis at master:6379 is no master, and Sentinel says it is: a failover is under way/,
  );
  for (const role of ["+OK\r\n", array(), array(":1\r\n")]) {
    const odd: Answer = ([name]) => name === "ROLE" ? role : undefined;
    assert.match(await failure({ s1: TO_MASTER, master: odd }), /is no master/);
  }
  assert.match(
    await failure({ s1: ([name]) => name === "SENTINEL" ? "*-1\r\n" : undefined }),
    /^refused .*s1:/,
  );
  for (
    const parts of [[], [bulk("master")], [bulk(""), bulk("1")], [bulk("m"), bulk("x")], [
      bulk("m"),
      bulk("123456"),
    ], [":1\r\n", bulk("1")]]
  ) {
    assert.match(await failure({ s1: pointingTo(...parts) }), /^garbage .*is no address of a master/);
  }
  assert.match(await failure({ s1: undefined }), /^unavailable .*s1 is away/);
});

Deno.test("a Sentinel is given the login where it refuses to answer without, and not where it is busy", async () => {
  const login = { username: undefined, password: "p" };
  let isIn = false;
  const strict: Answer = (command) => {
    if (command[0] === "AUTH") isIn = true;
    return isIn ? TO_MASTER(command) : "-NOAUTH no\r\n";
  };
  const { access, asked, open, server } = rig({ s1: strict, master: MASTER }, ["s1"], login);
  await server.connect(NEVER);
  assert.deepEqual(open(), ["master"]);
  assert.deepEqual([...new Set(asked)], [
    "s1 PING",
    "s1 AUTH p",
    "s1 SENTINEL GET-MASTER-ADDR-BY-NAME plant",
    "master AUTH p",
    "master ROLE",
  ]);
  asked.length = 0;
  server.change({ ...access, login: { username: undefined, password: "q" } });
  await server.connect(NEVER);
  assert.ok(asked.includes("master AUTH q"));
  const busy = rig({ s1: ([name]) => name === "PING" ? "-BUSY no\r\n" : undefined }, ["s1"], login);
  const { kind, message } = await errorOf(busy.server.connect(NEVER));
  assert.deepEqual([kind, busy.asked], ["unavailable", ["s1 PING"]]);
  assert.match(message, /BUSY/);
  assert.deepEqual(busy.open(), []);
});

Deno.test("of several reasons the one that an operator can act on is told, else the last", async () => {
  const unknown: Answer = ([name]) => name === "SENTINEL" ? "*-1\r\n" : undefined;
  for (const [s1, s2] of [[unknown, undefined], [undefined, unknown]] as const) {
    assert.match((await errorOf(rig({ s1, s2 }).server.connect(NEVER))).message, /knows no master plant/);
  }
  assert.match((await errorOf(rig({}).server.connect(NEVER))).message, /s2 is away/);
  const { reached, server } = rig({});
  await errorOf(server.connect(AbortSignal.abort()));
  assert.deepEqual(reached, ["s1:26379"], "nobody waits for more");
});

Deno.test("what is on disk is removed from streams, the latest of each, and again where that fails", async () => {
  const redis = new ScriptedRedis();
  const log: string[] = [];
  const stop = new AbortController();
  const logger = loggerTo(log, "info");
  let connections = 0;
  const connect = () => {
    connections++;
    return redis.connect();
  };
  const trimmer = new StreamTrimmer(connect, logger, stop.signal);
  const settled = async () => {
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  /** The streams that were trimmed since the last call, and before which entry. */
  const trimmed = () =>
    redis.asked.splice(0).map((command) =>
      /^XTRIM (\w) MINID ~ (\S+) LIMIT 100000$/.exec(command)?.slice(1).join(" ")
    );
  trimmer.found("j", true);
  trimmer.found("k", true);
  trimmer.trim("k", "5-1");
  trimmer.trim("k", "6-1");
  trimmer.trim("j", "7-0");
  trimmer.trim("k", "8-0");
  await settled();
  assert.deepEqual(trimmed(), ["k 5-2", "k 8-1", "j 7-1"]);
  assert.equal(connections, 1);
  redis.instead = () => "-NOPERM no\r\n";
  trimmer.trim("k", "9-0");
  await settled();
  assert.match(log.join(), /could not be trimmed from a stream: trying again.*NOPERM/);
  redis.instead = () => undefined;
  redis.asked.length = 0;
  trimmer.trim("k", "10-0");
  await settled();
  assert.deepEqual(trimmed(), ["k 10-1"]);
  trimmer.close();
  trimmer.trim("k", "11-0");
  await settled();
  assert.deepEqual([trimmed().length, connections, log.length], [1, 2, 1]);
  stop.abort();
  trimmer.trim("k", "12-0");
  await settled();
  assert.equal(trimmed().length, 0);
  trimmer.close();
});

Deno.test("of a stream that is found to be another one while a server is connected to, nothing is removed", async () => {
  const redis = new ScriptedRedis();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const trimmer = new StreamTrimmer(() => reached.then(() => redis.connect()), loggerTo([]), NEVER);
  for (const key of ["k", "j"]) {
    trimmer.found(key, true);
    trimmer.trim(key, "5-1");
  }
  // It was made again, which is then the stream that is read.
  trimmer.found("k", false);
  trimmer.found("k", true);
  reach();
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(redis.asked.filter((command) => command.startsWith("XTRIM")), [
    "XTRIM j MINID ~ 5-2 LIMIT 100000",
  ]);
  trimmer.close();
});
