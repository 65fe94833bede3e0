import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { SinkError } from "../../../src/contract/sink.ts";
import type { PostgresTls } from "../../../src/sinks/postgres/postgres_connection.ts";
import {
  addressOf,
  type OpenSocket,
  openSocket,
  type SocketOptions,
} from "../../../src/sinks/postgres/postgres_socket.ts";
import { Authority } from "../../support/certificates.ts";
import { HostileServer, type Tls } from "../../support/hostile_server.ts";

const TLS: PostgresTls = {
  ...{
    mode: "require",
    isDirect: false,
    provesServer: false,
    ca: undefined,
    cert: undefined,
    key: undefined,
  },
};
/** Nothing here takes that long. */
const PATIENCE_MS = 5_000;

interface Outcome {
  readonly found: OpenSocket | Error;
  /** How many sockets were opened, and how many of them are still open. */
  readonly opened: number;
  readonly left: number;
  /** The bytes that the server has heard. */
  readonly heard: number[];
}

/** Opens a connection to a server that gives one answer to whatever is said first. */
async function opened(
  answer: string,
  options: Partial<SocketOptions> & {
    readonly server?: Tls;
    readonly hostname?: string;
    readonly before?: ((socket: Socket) => void) | undefined;
  } = {},
): Promise<Outcome> {
  await using server = await HostileServer.start(async (conversation) => {
    if ((await conversation.listen()).length > 0) await conversation.say(Buffer.from(answer));
  }, options.server);
  const sockets: Socket[] = [];
  const host = { host: options.hostname ?? "127.0.0.1", address: "127.0.0.1", port: server.port };
  try {
    const given = { host, tls: TLS, timeoutMs: PATIENCE_MS, keepAliveMs: undefined, ...options };
    const keep = (socket: Socket) => {
      sockets.push(socket);
      options.before?.(socket);
    };
    const found = await openSocket({ ...given, opened: keep }).catch((error: Error) => error);
    const left = sockets.filter(({ destroyed }) => !destroyed).length;
    const heard = server.conversations.flatMap(({ heard }) => heard.flatMap((piece) => [...piece]));
    return { found, opened: sockets.length, left, heard };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

const isTrusted = ({ found }: Outcome) => "socket" in found ? found.isTrusted : found;

Deno.test("without TLS nothing is asked for; a server on this host is trusted", async () => {
  const outcome = await opened("", { tls: undefined });
  assert.equal(isTrusted(outcome), true);
  assert.deepEqual([outcome.opened, outcome.left, outcome.heard], [1, 1, []]);
});

/** A server that is not on this host, by what the socket says of it. */
const elsewhere = (socket: Socket) => {
  Object.defineProperty(socket, "remoteAddress", { value: "10.0.0.7" });
};

Deno.test("a server elsewhere is not trusted without TLS, whether it is wanted or not", async () => {
  assert.equal(isTrusted(await opened("", { tls: undefined, before: elsewhere })), false);
  const tls = { ...TLS, mode: "prefer", provesServer: true } as const;
  assert.equal(isTrusted(await opened("N", { tls, before: elsewhere })), false);
});

Deno.test("what is said goes out at once, and a silent server is asked for where that is wanted", async () => {
  for (const [keepAliveMs, expected] of [[undefined, []], [30_000, [[true, 30_000]]]] as const) {
    const delays: unknown[] = [];
    const probes: unknown[] = [];
    const before = (socket: Socket) => {
      socket.setNoDelay = (isOn) => (delays.push(isOn), socket);
      socket.setKeepAlive = (...given: unknown[]) => (probes.push(given), socket);
    };
    await opened("", { tls: undefined, keepAliveMs, before });
    assert.deepEqual([delays, probes], [[true], expected]);
  }
});

Deno.test("a server without TLS is used where sslmode only prefers it, and else refused with words", async () => {
  const preferring = await opened("N", { tls: { ...TLS, mode: "prefer" } });
  assert.equal(isTrusted(preferring), true);
  assert.deepEqual([preferring.opened, preferring.left], [1, 1]);
  assert.deepEqual(preferring.heard, [0, 0, 0, 8, 4, 210, 22, 47]);
  for (const mode of ["require", "verify-full"] as const) {
    const { found, left } = await opened("N", { tls: { ...TLS, mode } });
    assert.ok(found instanceof SinkError && found.kind === "misconfigured", `${found}`);
    assert.match(found.message, new RegExp(`offers no TLS, which sslmode=${mode} asks for`));
    assert.equal(left, 0);
  }
});

Deno.test("an answer to the request for TLS that is none, or more than one, ends the connection", async () => {
  for (const answer of ["SS", "NN", "X", "S\u0016"]) {
    const { found, left } = await opened(answer, { tls: { ...TLS, mode: "prefer" } });
    assert.match(String(found), /what answers does not speak PostgreSQL's protocol/, JSON.stringify(answer));
    assert.equal(left, 0);
  }
});

Deno.test("where the server has TLS, a handshake comes right behind the request for it", async () => {
  const { found, heard, left } = await opened("S", { timeoutMs: 100 });
  assert.deepEqual(heard.slice(0, 9), [0, 0, 0, 8, 4, 210, 22, 47, 0x16]);
  assert.match(String(found), /no TLS handshake within 0\.1 seconds/);
  assert.equal(left, 0);
});

Deno.test("a server that says nothing is left when the time is up, with words", async () => {
  const { found, left } = await opened("", { timeoutMs: 20 });
  assert.match(String(found), /no answer to the request for TLS within 0\.02 seconds/);
  assert.equal(left, 0);
});

Deno.test("certificates are checked as sslmode has it, by the authority that is given", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-postgres-socket-" });
  try {
    const authority = await Authority.create(directory, "authority");
    const { certFile, keyFile } = await authority.sign("server", ["DNS:db.example"]);
    const [cert, key, ca] = await Promise.all(
      [certFile, keyFile, authority.caFile].map((file) => Deno.readTextFile(file)),
    );
    const check = async (tls: Partial<PostgresTls>, hostname = "db.example") => {
      const server = { cert: cert!, key: key! };
      const { found, left, opened: count } = await opened("", {
        ...{ server, hostname, tls: { ...TLS, isDirect: true, ...tls } },
      });
      assert.equal(count, 2, "that under TLS, and TLS");
      if (found instanceof Error) assert.equal(left, 0);
      return !(found instanceof Error);
    };
    assert.equal(await check({ mode: "require" }), true);
    assert.equal(await check({ mode: "require", ca }, "elsewhere"), true);
    assert.equal(await check({ mode: "verify-ca", ca }, "elsewhere"), true);
    assert.equal(await check({ mode: "verify-full", ca }), true);
    assert.equal(await check({ mode: "verify-full", ca }, "elsewhere"), false);
    const direct = async (provesServer: boolean, before?: (socket: Socket) => void) => {
      const server = { cert: cert!, key: key!, ALPNProtocols: ["other", "postgresql"] };
      return await opened("", { server, tls: { ...TLS, isDirect: true, provesServer }, before });
    };
    assert.equal(isTrusted(await direct(false)), true);
    assert.equal(isTrusted(await direct(false, elsewhere)), false);
    const proven = await direct(true, elsewhere);
    assert.equal(isTrusted(proven), true);
    assert.ok("socket" in proven.found && proven.found.socket instanceof TLSSocket);
    assert.equal(proven.found.socket.alpnProtocol, "postgresql");
    const stranger = await Deno.readTextFile((await Authority.create(directory, "stranger")).caFile);
    for (const mode of ["require", "verify-ca", "verify-full"] as const) {
      assert.equal(await check({ mode, ca: stranger }), false, mode);
    }
    for (const mode of ["verify-ca", "verify-full"] as const) {
      assert.equal(await check({ mode }), false, mode);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a directory is that of a Unix socket, which is named by the port and is on this host", async () => {
  const port = 5433;
  assert.equal(addressOf({ host: "/run/pg", address: undefined, port }), "/run/pg/.s.PGSQL.5433");
  assert.equal(addressOf({ host: "db", address: "10.0.0.1", port }), "db:5433");
  const directory = await Deno.makeTempDir({ prefix: "vabus-postgres-socket-" });
  const server = createServer((socket) => socket.on("error", () => {}).end());
  await new Promise<void>((resolve) => server.listen(`${directory}/.s.PGSQL.5433`, resolve));
  try {
    const host = { host: directory, address: undefined, port };
    const options = { host, tls: undefined, timeoutMs: PATIENCE_MS, keepAliveMs: undefined };
    const { socket, isTrusted } = await openSocket({ ...options, opened: () => {} });
    assert.equal(isTrusted, true);
    socket.destroy();
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await Deno.remove(directory, { recursive: true });
  }
});
