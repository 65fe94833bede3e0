/** One connection to a server: its greeting, its answers, and how it ends. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { NatsConnection } from "../../../src/sources/nats/nats_connection.ts";
import type { NatsLogin } from "../../../src/sources/nats/nats_login.ts";
import { errorOf } from "../file/written_files.ts";
import { ADDRESS, FakeNats, type FakeSocket, StandingClock } from "./fake_nats.ts";

const NEVER = new AbortController().signal;
const NO_TLS_FILES = { ca: undefined, cert: undefined, key: undefined };

async function rig({ server = new FakeNats(), clock = new StandingClock(), isWithTls = false } = {}) {
  const login: NatsLogin = { kind: "token", token: "t" };
  const access = { tls: isWithTls ? NO_TLS_FILES : undefined, login, connect: server.connect };
  const connection = await NatsConnection.open(ADDRESS, access, clock, NEVER);
  const failures: string[] = [];
  connection.onFailed = ({ kind, message }) => failures.push(`${kind} ${message}`);
  return { clock, connection, failures, server, socket: server.sockets.at(-1)! };
}

/** The inboxes of what was asked, in order. */
function inboxesIn({ written }: FakeSocket): string[] {
  return [...written.matchAll(/^PUB ask (\S+) /gm)].map(([, inbox]) => inbox!);
}

Deno.test("a client greets, logs in and subscribes in one piece, and is ready with the answer", async () => {
  const { clock, connection, socket } = await rig();
  const [connect, answers, pulled, ping, end] = socket.written.split("\r\n");
  const { name, ...greeting } = JSON.parse(connect!.slice("CONNECT ".length));
  assert.deepEqual(greeting, {
    verbose: false,
    pedantic: false,
    headers: true,
    no_responders: true,
    echo: false,
    protocol: 1,
    lang: "typescript",
    version: "1",
    tls_required: false,
    auth_token: "t",
  });
  assert.equal(name, "vabus-data-handler");
  const inbox = /^SUB (_INBOX\.[0-9a-f]{32})\.a\.\* 1$/.exec(answers!)?.[1];
  assert.equal(pulled, `SUB ${inbox}.p.* 2`);
  assert.deepEqual([ping, end], ["PING", ""]);
  assert.equal(connection.pullInbox(7), `${inbox}.p.7`);
  assert.deepEqual([connection.isOpen, connection.name, clock.asleep], [true, "NATS at n:4222", []]);
});

Deno.test("each answer goes to whoever has asked, in whatever order they come", async () => {
  const { clock, connection, socket } = await rig();
  const [one, other] = [connection.request("ask", "1"), connection.request("ask", "äö")];
  const [first, second] = inboxesIn(socket) as [string, string];
  assert.match(socket.written, /PUB ask \S+ 1\r\n1\r\nPUB ask \S+ 4\r\näö\r\n$/);
  assert.deepEqual(clock.asleep, [15_000, 15_000]);
  socket.answer("_INBOX.nobody", "lost");
  socket.answer(second, "b");
  socket.answer(second, "twice");
  socket.answer(first, "a");
  const texts = (await Promise.all([one, other])).map(({ payload }) => Buffer.from(payload).toString());
  assert.deepEqual([texts, clock.asleep], [["a", "b"], []]);
});

Deno.test("what is pulled is handed over, and the server's own questions are answered", async () => {
  const { connection, socket } = await rig();
  const pulled: string[] = [];
  connection.onPulled = ({ subject }) => pulled.push(subject);
  socket.say("MSG x 2 0\r\n\r\nMSG y 1 0\r\n\r\nMSG z 3 0\r\n\r\n");
  assert.deepEqual(pulled, ["x"]);
  const before = socket.written.length;
  socket.say("PING\r\n+OK\r\nPONG\r\nINFO {}\r\n");
  assert.equal(socket.written.slice(before), "PONG\r\n");
  connection.close();
  socket.say("PING\r\n");
  connection.publish("s", "r", "b");
  assert.equal(socket.written.slice(before), "PONG\r\n", "nothing is written to what is closed");
});

Deno.test("an answer that does not come ends the connection, and all that is under way", async () => {
  const { clock, connection, failures, socket } = await rig();
  const work = [connection.request("ask", ""), connection.within(2500, Promise.withResolvers().promise)];
  const ends = work.map((one) => errorOf(one));
  assert.deepEqual(clock.asleep, [15_000, 2500]);
  clock.wakeAll();
  const said = "unavailable NATS at n:4222 has not answered for 15 seconds";
  assert.equal((await ends[0]!).message, said.slice("unavailable ".length));
  assert.deepEqual([failures, connection.isOpen, socket.isDestroyed], [[said], false, true]);
  assert.match((await errorOf(connection.request("ask", ""))).message, /15 seconds/);
  connection.close();
  assert.equal(failures.length, 1, "it is told of once");
});

Deno.test("what was answered in time is not given up later", async () => {
  const { clock, connection } = await rig();
  assert.equal(await connection.within(1000, Promise.resolve(7)), 7);
  clock.wakeAll();
  await Promise.resolve();
  assert.equal(connection.isOpen, true);
});

Deno.test("what is waited for on a connection that has failed meanwhile fails at once", async () => {
  const { clock, connection, socket } = await rig();
  socket.emit("close");
  const { message } = await errorOf(connection.within(1000, Promise.withResolvers().promise));
  assert.match(message, /has closed the connection/);
  assert.deepEqual(clock.asleep, []);
});

Deno.test("a right that is missing ends what is under way, and other errors end the connection", async () => {
  for (const quote of ["'", ""]) {
    const { connection, failures, socket } = await rig();
    const asked = errorOf(connection.request("ask", ""));
    socket.say(`-ERR ${quote}Permissions Violation for Publish to "ask"${quote}\r\n`);
    const { kind, message } = await asked;
    assert.deepEqual([kind, /grant the user the subjects/.test(message)], ["refused", true]);
    assert.deepEqual([failures.length, connection.isOpen, socket.isDestroyed], [1, true, false]);
    const other = errorOf(connection.request("ask", ""));
    socket.say("-ERR 'Authentication Expired'\r\n");
    assert.match((await other).message, /answers 'Authentication Expired': check user/);
    assert.deepEqual([failures.length, connection.isOpen, socket.isDestroyed], [2, false, true]);
  }
});

Deno.test("a connection that breaks says why", async () => {
  const ends: readonly (readonly [end: (socket: FakeSocket) => void, said: RegExp])[] = [
    [(socket) => socket.emit("close"), /^unavailable NATS at n:4222 has closed the connection$/],
    [(socket) => socket.emit("error", new Error("it broke")), /^unavailable .* cannot be reached: it broke$/],
    [(socket) => socket.say("HTTP/1.1 200 OK\r\n"), /^garbage what NATS at n:4222 sends is not NATS's/],
    [(socket) => socket.say("INFO 5\r\n"), /^garbage what NATS at n:4222 sends is no greeting of NATS$/],
    [(socket) => socket.say("INFO {\r\n"), /is no greeting of NATS$/],
    [(socket) => socket.say("INFO null\r\n"), /is no greeting of NATS$/],
  ];
  for (const [end, said] of ends) {
    const { connection, failures, socket } = await rig();
    end(socket);
    assert.match(failures.join(), said);
    assert.deepEqual([connection.isOpen, socket.isDestroyed], [false, true]);
  }
});

Deno.test("a server that does not greet, or wants what it is not given, is left with the reason", async () => {
  const server = new FakeNats();
  const failure = async (greeting: string | undefined, isWithTls = false) => {
    server.greeting = greeting;
    const clock = new StandingClock();
    const error = errorOf(rig({ server, clock, isWithTls }));
    if (greeting === undefined) {
      while (clock.asleep.length === 0) await Promise.resolve();
      assert.deepEqual(clock.asleep, [10_000]);
      clock.wakeAll();
    }
    const { kind, message } = await error;
    assert.equal(server.sockets.at(-1)!.isDestroyed, true);
    return `${kind} ${message}`;
  };
  assert.match(await failure(undefined), /^unavailable .*has not answered for 10 seconds/);
  assert.match(await failure("INFO []x\r\n"), /^garbage .*is no greeting of NATS/);
  assert.match(
    await failure('INFO {"tls_required":true}\r\n'),
    /^refused .*wants TLS: give VABUS_URL as nat/,
  );
  for (const greeting of ["INFO {}\r\n", 'INFO {"tls_available":false,"tls_required":0}\r\n']) {
    assert.match(await failure(greeting, true), /^refused .*has no TLS: give VABUS_URL as nats:/);
  }
  const refusal = "INFO {}\r\n-ERR 'maximum connections exceeded'\r\n";
  assert.match(await failure(refusal), /^unavailable .*'maximum connections exceeded': raise max_conn/);
  server.heard = (socket, line) => {
    if (line === "PING") socket.say("-ERR 'Authorization Violation'\r\n");
    return true;
  };
  for (const greeting of ["INFO {}\r\n", 'INFO {"tls_required":1,"tls_available":true}\r\n']) {
    assert.match(await failure(greeting), /^refused .*Authorization Violation.*check user/);
  }
  server.heard = (socket, line) => {
    if (line === "PING") socket.say("-ERR 'Permissions Violation for Subscription'\r\n");
    return true;
  };
  assert.match(await failure("INFO {}\r\n"), /^refused .*grant the user the subjects/);
});
