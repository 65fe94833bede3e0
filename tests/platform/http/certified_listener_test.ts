import assert from "node:assert/strict";
import { CertifiedListener, type ListenerLimits } from "../../../src/platform/http/certified_listener.ts";
import { Authority } from "../../support/certificates.ts";
import { temporaryDirectory, until } from "../../support/executable.ts";

/** Longer than any test. */
const NEVER_MS = 3_600_000;
const PATIENT: ListenerLimits = {
  connections: 100,
  handshakeMs: NEVER_MS,
  headersMs: NEVER_MS,
  silenceMs: NEVER_MS,
};

interface Stage {
  readonly listener: CertifiedListener;
  /** How often it was said that the listener is full. */
  readonly told: number[];
  /** What was thrown on the way to an answer. */
  readonly errors: unknown[];
  readonly ca: string;
}

async function withListener(limits: Partial<ListenerLimits>, work: (stage: Stage) => Promise<void>) {
  await using directory = await temporaryDirectory();
  const authority = await Authority.create(directory.path, "authority");
  const { certFile, keyFile } = await authority.sign("server", ["IP:127.0.0.1"]);
  const ca = await Deno.readTextFile(authority.caFile);
  const told: number[] = [];
  const errors: unknown[] = [];
  const listener = await CertifiedListener.open({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: await Deno.readTextFile(certFile), key: await Deno.readTextFile(keyFile), clientCa: ca },
    closingGraceMs: 0,
    answer: ({ method }) => Promise.resolve(new Response("answered", { headers: { method } })),
    onError: (error) => {
      errors.push(error);
      return new Response(null, { status: 500 });
    },
    onInterruption: () => {},
    onFull: (connections) => told.push(connections),
    limits: { ...PATIENT, ...limits },
  });
  try {
    await work({ listener, told, errors, ca });
  } finally {
    await listener.close();
  }
}

function connect({ listener: { port } }: Stage): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

async function connectTls({ listener: { port }, ca }: Stage): Promise<Deno.TlsConn> {
  const connection = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [ca] });
  await connection.handshake();
  return connection;
}

/** Resolves when the other side has closed the connection. */
async function closed(connection: Deno.Conn): Promise<void> {
  const bytes = new Uint8Array(1024);
  try {
    while (await connection.read(bytes) !== null);
  } catch {
    // It was reset.
  }
}

/** Asks once. Returns whether there was an answer. */
async function isAnswered({ listener: { url }, ca }: Stage): Promise<boolean> {
  using client = Deno.createHttpClient({ caCerts: [ca], poolMaxIdlePerHost: 0 });
  try {
    return await (await fetch(url, { client })).text() === "answered";
  } catch {
    return false;
  }
}

Deno.test("connections beyond the bound are closed at once, and taken again when others have ended", async () => {
  await withListener({ connections: 3 }, async (stage) => {
    const stalled = [await connect(stage), await connect(stage), await connect(stage)];
    try {
      {
        using further = await connect(stage);
        await closed(further);
      }
      assert.deepEqual(stage.told, [3], "it is said once");
      assert.equal(await isAnswered(stage), false);
      stalled.pop()!.close();
      await until(() => isAnswered(stage), "an answer after a connection has ended");
    } finally {
      for (const connection of stalled) connection.close();
    }
  });
});

Deno.test("a client that does not introduce itself is let go", async () => {
  await withListener({ handshakeMs: 100 }, async (stage) => {
    using silent = await connect(stage);
    await closed(silent);
  });
});

Deno.test("a client that does not end its request, or begins none, is let go", async () => {
  await withListener({ headersMs: 100 }, async (stage) => {
    using slow = await connectTls(stage);
    await slow.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "));
    await closed(slow);
  });
  await withListener({ silenceMs: 100 }, async (stage) => {
    using idle = await connectTls(stage);
    await closed(idle);
  });
});

Deno.test("no request of a stranger is a fault of the listener, however odd it is", async () => {
  const head = (line: string, ...headers: string[]) => [`${line} HTTP/1.1`, ...headers, "", ""].join("\r\n");
  const methods = ["TRACE", "CONNECT", "TRACK", "trace", "get", "OPTIONS", "QUERY", "LINK", "PRI"];
  const targets = [
    "*",
    "http://[",
    "http://[/x",
    "//[",
    "/http://[",
    "http://h:99999/",
    "https://u:p@h/",
    "/%zz",
  ];
  const headers = [
    ...["Host: [", "Host:", "Host: a\r\nHost: b", "x: \u00ff", "x:", "x: a\r\nx: b", "x: \u0001", "(: a"],
    ...["__proto__: a", "Upgrade: websocket\r\nConnection: upgrade", "Content-Length: -1", "Expect: a"],
    ...["Content-Length: 0", "Content-Length: 1\r\nContent-Length: 2", "Transfer-Encoding: gzip"],
  ];
  const odd = [
    ...methods.flatMap((method) =>
      ["/", "*", "a:80"].map((target) => head(`${method} ${target}`, "Host: a"))
    ),
    ...targets.map((target) => head(`GET ${target}`, "Host: a")),
    ...headers.map((header) => head("GET /", header)),
    ...headers.map((header) => head("TRACE /", header)),
  ];
  await withListener({ silenceMs: 2000 }, async (stage) => {
    for (const request of odd) {
      using connection = await connectTls(stage);
      await connection.write(Uint8Array.from(request, (character) => character.charCodeAt(0)));
      await connection.closeWrite().catch(() => {});
      await closed(connection);
      assert.deepEqual(stage.errors, [], JSON.stringify(request));
    }
    using connection = await connectTls(stage);
    await connection.write(new TextEncoder().encode(head("TRACE /", "Host: a", "Connection: close")));
    const reply = await new Response(connection.readable).text();
    assert.match(reply, /^HTTP\/1\.1 200 [^]*\r\nmethod: TRACE\r\n/);
  });
});
