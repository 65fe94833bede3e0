import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { concatenated } from "../../../src/platform/http/bounded_bytes.ts";
import { BusConnection, type BusRequest } from "../../../src/sources/vabus/bus_connection.ts";
import { withLogin } from "../../../src/sources/vabus/bus_address.ts";
import { LogClient } from "../../../src/sources/vabus/log_client.ts";
import { postMetrics } from "../../../src/sources/vabus/metrics_client.ts";
import { QueueClient } from "../../../src/sources/vabus/queue_client.ts";
import { SourceError, type SourceErrorKind } from "../../../src/contract/source.ts";
import { Authority } from "../../support/certificates.ts";
import { temporaryDirectory } from "../../support/executable.ts";
import { freePort } from "../../support/free_port.ts";
import { type Answer, type FaultyRequest, FaultyServer, respond } from "../../support/http_faults.ts";
import { type Conversation, HostileServer } from "../../support/hostile_server.ts";

const NEVER = new AbortController().signal;
const FETCH = { offset: 7, limit: 10, waitSeconds: 0, ack: 5 };
const TOKEN = "swordfish";

function addressOf(url: string, token?: string) {
  return { url, proxy: undefined, token, tls: undefined };
}

function connectionTo(url: string, token?: string): BusConnection {
  return new BusConnection(addressOf(url, token));
}

/** The result of one fetch for a scripted answer of the bus. */
async function fetchFrom(answer: (request: FaultyRequest) => Answer, token?: string) {
  await using server = FaultyServer.start(answer);
  const client = new LogClient(connectionTo(server.url, token), "me & you");
  try {
    return { reply: await client.fetch(FETCH, NEVER), requests: server.requests, url: server.url };
  } catch (error) {
    assert.ok(error instanceof SourceError, String(error));
    return { error, requests: server.requests, url: server.url };
  } finally {
    client.close();
  }
}

Deno.test("a fetch asks as the protocol says and gives the body as it came", async () => {
  const body = '{"log":"l","offset":7,"next":8,"events":[{"name":"ä"}]}';
  const { reply, requests } = await fetchFrom(() => respond(200, body));
  assert.equal(requests[0]!.path, "/events");
  assert.deepEqual(Object.fromEntries(requests[0]!.query), {
    offset: "7",
    limit: "10",
    wait: "0",
    ack: "5",
    consumer: "me & you",
  });
  assert.equal(reply?.kind === "events" && new TextDecoder().decode(reply.body), body);
});

Deno.test("without an offset none is sent", async () => {
  await using server = FaultyServer.start(() => respond(200, "{}"));
  const client = new LogClient(connectionTo(server.url + "/behind/a/proxy"), "c");
  await client.fetch({ offset: undefined, limit: 1, waitSeconds: 0, ack: undefined }, NEVER);
  client.close();
  assert.equal(server.requests[0]!.path, "/behind/a/proxy/events");
  assert.deepEqual([...server.requests[0]!.query.keys()].sort(), ["consumer", "limit", "wait"]);
});

for (const [status, kind] of [[410, "trimmed"], [416, "reset"]] as const) {
  Deno.test(`${status} tells where the log begins`, async () => {
    const { reply } = await fetchFrom(() => respond(status, '{"log":"l","first":20,"next":30}'));
    assert.deepEqual(reply, { kind, log: "l", first: 20, next: 30, dateMs: undefined });
  });
  for (
    const body of [
      "",
      "null",
      "[]",
      '{"log":"l"}',
      '{"log":"l","first":-1,"next":2}',
      '{"log":"l","first":3,"next":2}',
      '{"log":"\\ud800","first":0,"next":2}',
    ]
  ) {
    Deno.test(`${status} with ${body || "nothing"} is garbage`, async () => {
      const { error } = await fetchFrom(() => respond(status, body));
      assert.equal(error?.kind, "garbage");
    });
  }
}

const REFUSALS: [name: string, answer: () => Answer, kind: SourceErrorKind, says: RegExp][] = [
  ["401", () => respond(401, ""), "refused", /VABUS_TOKEN/],
  ["403", () => respond(403, ""), "refused", /VABUS_TOKEN/],
  ["404", () => respond(404, "<html>"), "garbage", /is this a VaBus/],
  ["302", () => respond(302, "", { location: "http://elsewhere/" }), "garbage", /redirection/],
  ["500", () => respond(500, '{"error":"disk\\u001b[31m full"}'), "unavailable", /disk \[31m full/],
  ["503", () => respond(503, "", { "retry-after": "3" }), "unavailable", /503/],
  ["a cut-off body", () => respond(200, "x".repeat(5000)).slice(0, 2000), "incomplete", /cut off/],
  ["half a head", () => "HTTP/1.1 200 OK\r\ncontent-le", "unavailable", /no connection/],
  ["no HTTP", () => "\u0000\u0001 hello\r\n\r\n", "unavailable", /no connection/],
  ["nothing", () => "", "unavailable", /no connection/],
];
for (const [name, answer, kind, says] of REFUSALS) {
  Deno.test(`${name} is an error of kind ${kind}, without the token in it`, async () => {
    const { error, url } = await fetchFrom(answer, TOKEN);
    assert.equal(error?.kind, kind, error?.message);
    assert.match(error!.message, says);
    assert.ok(error!.message.startsWith(url), error!.message);
    assert.ok(!error!.message.includes(TOKEN));
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(error!.message, /[\u0000-\u001f]/);
  });
}

Deno.test("each status says what an operator can do about it, and where", async () => {
  for (
    const [status, token, kind, says] of [
      [401, undefined, "refused", /GET \/events was answered with 401 \(no\): set VABUS_TOKEN$/],
      [403, TOKEN, "refused", /was answered with 403 \(no\): mend VABUS_TOKEN$/],
      [407, undefined, "refused", /407: the proxy wants a login/],
      [408, undefined, "unavailable", /408 \(no\)$/],
      [599, undefined, "unavailable", /599 \(no\)$/],
      [308, undefined, "garbage", /308, a redirection: set VABUS_URL/],
      [400, undefined, "garbage", /400 \(no\): is this a VaBus\?$/],
    ] as const
  ) {
    const { error } = await fetchFrom(() => respond(status, '{"error":"no"}'), token);
    assert.equal(error?.kind, kind, `${status}`);
    assert.match(error!.message, says);
  }
});

Deno.test("a bus with a name of its own is told of by it, whatever it answers", async () => {
  for (
    const [status, at, says] of [
      [404, "", /^plant: GET \/events was answered with 404 \(no\): is this a VaBus\?$/],
      [404, "/events", /^plant: .*: VABUS_URL names the bus alone/],
      [503, "", /^plant: GET \/events was answered with 503 \(no\)$/],
    ] as const
  ) {
    await using server = FaultyServer.start(() => respond(status, '{"error":"no"}'));
    const client = new LogClient(new BusConnection(addressOf(server.url + at), "plant"), "c");
    await assert.rejects(client.fetch(FETCH, NEVER), { message: says });
    client.close();
  }
});

Deno.test("where a login is refused, the settings that it comes from are to be mended", async () => {
  await using server = FaultyServer.start(() => respond(403, "{}"));
  const bare = addressOf(server.url);
  for (
    const [address, says] of [
      [addressOf(server.url.replace("://", "://reader:word@")), "mend user and password in VABUS_URL"],
      [withLogin(bare, "reader", "word"), "mend VABUS_USERNAME and VABUS_PASSWORD"],
      [withLogin(bare, undefined, undefined), "set VABUS_TOKEN"],
    ] as const
  ) {
    const client = new LogClient(new BusConnection(address), "c");
    await assert.rejects(client.fetch(FETCH, NEVER), { message: new RegExp(`403: ${says}$`) });
    client.close();
  }
});

Deno.test("what is no answer of a bus is told as such, before it is read", async () => {
  const { error } = await fetchFrom(() => respond(200, "<p>", { "content-type": "text/html" }));
  assert.equal(error?.kind, "garbage");
  assert.match(
    error!.message,
    /GET \/events was answered with a page, text\/html: is VABUS_URL that of a VaBus/,
  );
});

Deno.test("other credentials hold from the next request on", async () => {
  await using server = FaultyServer.start(() => respond(200, "{}"));
  const connection = connectionTo(server.url, "first");
  const client = new LogClient(connection, "c");
  await client.fetch(FETCH, NEVER);
  connection.change(addressOf(server.url, "second"));
  await client.fetch(FETCH, NEVER);
  client.close();
  assert.deepEqual(server.requests.map(({ headers }) => headers.get("authorization")), [
    "Bearer first",
    "Bearer second",
  ]);
});

Deno.test("the time is asked for alone, and what is looked at is not acknowledged", async () => {
  const date = "Sat, 28 Nov 2026 17:44:30 GMT";
  const answers = [respond(404, "", { date }), respond(200, "{}", { date }), respond(200, "{}")];
  await using server = FaultyServer.start(() => answers.shift()!);
  const client = new LogClient(new BusConnection(addressOf(server.url), "hall"), "c");
  assert.equal(client.name, "hall");
  assert.equal(await client.time(NEVER), Date.parse(date));
  const { dateMs } = await client.look(5, NEVER);
  assert.equal(dateMs, Date.parse(date));
  const queue = new QueueClient(connectionTo(server.url));
  assert.equal(await queue.time(NEVER), undefined);
  queue.close();
  client.close();
  assert.deepEqual(server.requests.map(({ path, query }) => `${path}?${query}`), [
    "/healthz?",
    "/events?offset=5&limit=1&wait=0",
    "/healthz?",
  ]);
});

Deno.test("the oldest offset is asked for, and a log that is empty is told as such", async () => {
  const answers = [
    respond(200, '{"log":"l","first":3,"next":9}'),
    respond(200, '{"log":"l","offset":3,"next":3,"events":[]}'),
    respond(200, '{"log":"l"}'),
  ];
  await using server = FaultyServer.start(() => answers.shift()!);
  const client = new LogClient(connectionTo(server.url), "c");
  assert.deepEqual(await client.oldest(NEVER), { log: "l", offset: 3 });
  assert.equal(await client.probe(NEVER), "log l, empty");
  await assert.rejects(client.probe(NEVER), { kind: "garbage" });
  client.close();
  assert.deepEqual(Object.fromEntries(server.requests[1]!.query), { limit: "1", wait: "0", consumer: "c" });
});

Deno.test("an address with a path of the protocol behind it is told as such", async () => {
  await using server = FaultyServer.start(() => respond(404, ""));
  const client = new LogClient(connectionTo(`${server.url}/events`), "me");
  try {
    await assert.rejects(client.fetch(FETCH, NEVER), /VABUS_URL names the bus alone/);
  } finally {
    client.close();
  }
});

for (
  const [text, expected] of [["3", 3000], ["0", 0], ["999999999", 3600_000], ["soon", undefined], [
    "-1",
    undefined,
  ]] as const
) {
  Deno.test(`Retry-After: ${text}`, async () => {
    const { error } = await fetchFrom(() => respond(429, "", { "retry-after": text }));
    assert.equal(error!.retryAfterMs, expected);
  });
}

Deno.test("Retry-After may be a date", async () => {
  const before = Date.now();
  const dateMs = Math.ceil(before / 1000) * 1000 + 600_000;
  const date = new Date(dateMs).toUTCString();
  const { error } = await fetchFrom(() => respond(503, "", { "retry-after": date }));
  // However long that took: what is left until then, by the clock at some moment in between.
  const left = error!.retryAfterMs!;
  assert.ok(left <= dateMs - before && left >= dateMs - Date.now(), `${left}`);
});

Deno.test("gzip is undone, even where it was not asked for", async () => {
  const plain = '{"log":"l","offset":7,"next":7,"events":[]}';
  const packed = new Uint8Array(
    await new Response(new Blob([plain]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer(),
  );
  const head = new TextEncoder().encode(
    "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n" +
      `content-length: ${packed.length}\r\nconnection: close\r\n\r\n`,
  );
  const { reply } = await fetchFrom(() => new Uint8Array([...head, ...packed]));
  assert.equal(reply?.kind === "events" && new TextDecoder().decode(reply.body), plain);
});

Deno.test("a few packed bytes that would fill the memory are refused", async () => {
  const packed = gzipSync(new Uint8Array(200 * 1024 * 1024), { level: 1 });
  const head = new TextEncoder().encode(
    "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n" +
      `content-length: ${packed.length}\r\nconnection: close\r\n\r\n`,
  );
  const { error } = await fetchFrom(() => concatenated([head, packed]));
  assert.equal(error?.kind, "incomplete");
  assert.match(error!.message, /larger than .* lower VABUS_BATCH_SIZE/);
});

Deno.test("the bytes of a reply are bounded by the events asked for, and by the number of buses that share the memory", async () => {
  const MIB = 1024 * 1024;
  const fetchOf = async (bytes: number, limit: number, busCount: number) => {
    const body = `{"log":"l","offset":0,"next":0,"events":[${" ".repeat(bytes)}]}`;
    await using server = FaultyServer.start(() => respond(200, body));
    const connection = new BusConnection({
      url: server.url,
      proxy: undefined,
      token: undefined,
      tls: undefined,
      busCount,
    });
    const client = new LogClient(connection, "c");
    try {
      await client.fetch({ ...FETCH, limit }, NEVER);
      return "taken";
    } catch (error) {
      const { kind, message } = error as SourceError;
      return `${kind}: ${message.replace(server.url, "it")}`;
    } finally {
      client.close();
    }
  };
  assert.equal(await fetchOf(7 * MIB, 1, 1), "taken");
  assert.equal(
    await fetchOf(10 * MIB, 1, 1),
    "incomplete: it: the answer is larger than 8256 KiB, which is what 1 events may come to: lower " +
      "VABUS_BATCH_SIZE",
  );
  assert.equal(await fetchOf(10 * MIB, 1000, 1), "taken");
  assert.equal(
    await fetchOf(10 * MIB, 1000, 16),
    "incomplete: it: the answer is larger than 8192 KiB, which is what 1000 events may come to where " +
      "several buses share the memory: lower VABUS_BATCH_SIZE",
  );
});

Deno.test("what is no reply of events is bounded without any: of an error, and of what a bus says of itself", async () => {
  const { error } = await fetchFrom(() => respond(503, "x".repeat(3_000_000)));
  assert.equal(error?.kind, "unavailable");
  await using server = FaultyServer.start(() => respond(200, "x".repeat(3_000_000)));
  const client = new LogClient(connectionTo(server.url), "c");
  await assert.rejects(client.oldest(NEVER), { kind: "garbage", message: /larger than 1024 KiB/ });
  client.close();
});

Deno.test("nobody listens: unavailable, with the operating system's word", async () => {
  const client = new LogClient(connectionTo(`http://127.0.0.1:${freePort()}`), "c");
  await assert.rejects(client.fetch(FETCH, NEVER), {
    kind: "unavailable",
    message: /^http:\/\/127\.0\.0\.1:\d+: no connection: connection refused$/,
  });
  client.close();
});

Deno.test("a port that no HTTP is sent to is named as such", async () => {
  const tcpMultiplexer = 1;
  const client = new LogClient(connectionTo(`http://127.0.0.1:${tcpMultiplexer}`), "me");
  const failure = await client.fetch(FETCH, NEVER).catch((error) => error);
  assert.equal(failure.kind, "refused");
  assert.match(failure.message, /port 1 belongs to another protocol.*listen on another port/);
});

/** Why a request to this URL has failed. */
async function failureAt(url: string, connection = connectionTo(url)): Promise<string> {
  try {
    await connection.time(NEVER);
    return "it was answered";
  } catch (error) {
    const { kind, message } = error as SourceError;
    return `${kind}: ${message.replace(connection.name, "it")}`;
  } finally {
    connection.close();
  }
}

Deno.test("a port that speaks another protocol than the URL says is told as such", async () => {
  await using directory = await temporaryDirectory();
  const { caFile } = await Authority.create(directory.path, "bus");
  const [cert, key] = await Promise.all(
    [caFile, `${directory.path}/bus.key`].map((path) => Deno.readTextFile(path)),
  );
  const hear = async (conversation: Conversation) => void await conversation.listen();
  await using secure = await HostileServer.start(hear, { cert: cert!, key: key! });
  const saying = (words: string) => async (conversation: Conversation) => {
    await conversation.listen();
    await conversation.say(new TextEncoder().encode(words));
  };
  await using plain = await HostileServer.start(saying("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await using shell = await HostileServer.start(saying("SSH-2.0-x\r\n"));
  const told = {
    [`http://127.0.0.1:${secure.port}`]: "refused: it: this port wants TLS: write https:// in VABUS_URL",
    [`https://127.0.0.1:${plain.port}`]:
      "refused: it: this port speaks plain HTTP: write http:// in VABUS_URL",
    [`http://127.0.0.1:${shell.port}`]:
      "refused: it: what answers there speaks SSH, not HTTP: check host and port in VABUS_URL",
  };
  for (const [url, expected] of Object.entries(told)) assert.equal(await failureAt(url), expected);
  // Its certificate is not trusted, which is no other protocol.
  assert.match(
    await failureAt(`https://127.0.0.1:${secure.port}`),
    /^refused: it: no secure connection: .*certificate/i,
  );
});

Deno.test("a bus that has answered in HTTP is not asked for its protocol when it fails", async () => {
  const answers = [respond(200, "{}"), "no HTTP\r\n\r\n"];
  await using server = FaultyServer.start(() => answers.shift() ?? respond(200, "{}"));
  const connection = connectionTo(server.url);
  await connection.time(NEVER);
  assert.match(await failureAt(server.url, connection), /^unavailable: it: no connection: /);
  assert.equal(server.requests.length, 2);
});

Deno.test("an answer is waited for by the time that the bus was given, and its end for two minutes", async () => {
  const { setTimeout: real } = globalThis;
  const limits: number[] = [];
  /** The limit that is over at once. */
  let due = 0;
  globalThis.setTimeout = ((work: () => void, ms: number) => {
    if (ms >= 10_000) limits.push(ms);
    return real(work, ms === due ? 0 : ms);
  }) as typeof real;
  const { promise: never, resolve } = Promise.withResolvers<string>();
  const failureOf = async (url: string, request: Partial<BusRequest>) => {
    const connection = connectionTo(url);
    try {
      await connection.request({ path: "/x", expected: [200], ...request }, NEVER);
      return "it was answered";
    } catch (error) {
      const { kind, message } = error as SourceError;
      return `${kind}: ${message.replace(url, "it")}`;
    } finally {
      connection.close();
    }
  };
  try {
    await using silent = FaultyServer.start(() => never);
    for (const [asked, ms] of [[{}, 15_000], [{ waitSeconds: 30 }, 45_000]] as const) {
      due = ms;
      assert.equal(await failureOf(silent.url, asked), "unavailable: it: no answer in time");
    }
    resolve("");
    await using slow = await HostileServer.start(async (conversation) => {
      await conversation.listen();
      await conversation.say(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"));
      await conversation.listen();
    });
    due = 120_000;
    assert.equal(
      await failureOf(`http://127.0.0.1:${slow.port}`, {}),
      "unavailable: it: the answer did not end within 120 s",
    );
    assert.deepEqual(limits, [15_000, 45_000, 15_000, 120_000]);
  } finally {
    globalThis.setTimeout = real;
  }
});

Deno.test("an aborted fetch ends at once", async () => {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<string>();
  await using server = FaultyServer.start(() => {
    controller.abort();
    return promise;
  });
  const client = new LogClient(connectionTo(server.url), "c");
  const cancelled = { kind: "unavailable", message: `${server.url}: the request was cancelled` };
  await assert.rejects(client.fetch(FETCH, controller.signal), cancelled);
  client.close();
  resolve("");
});

Deno.test("credentials in the URL become a header, and stay out of the name", async () => {
  await using server = FaultyServer.start(() => respond(200, "{}"));
  const connection = connectionTo(server.url.replace("//", "//plant:sw%40rd@"));
  assert.equal(connection.name, server.url);
  const client = new LogClient(connection, "c");
  await client.fetch(FETCH, NEVER);
  client.close();
  assert.equal(server.requests[0]!.headers.get("authorization"), `Basic ${btoa("plant:sw@rd")}`);
});

Deno.test("a token is sent as bearer", async () => {
  const { requests } = await fetchFrom(() => respond(200, "{}"), TOKEN);
  assert.equal(requests[0]!.headers.get("authorization"), `Bearer ${TOKEN}`);
});

Deno.test("queue mode: an event's bytes, or none", async () => {
  const answers = [respond(200, '{"name":"a"}'), respond(204, "")];
  await using server = FaultyServer.start(() => answers.shift()!);
  const client = new QueueClient(connectionTo(server.url));
  assert.equal(new TextDecoder().decode(await client.take(NEVER)), '{"name":"a"}');
  assert.equal(await client.take(NEVER), undefined);
  client.close();
});

Deno.test("probes say what is there and leave no trace", async () => {
  await using server = FaultyServer.start((request) =>
    request.path === "/healthz"
      ? respond(404, "")
      : respond(200, '{"log":"l","offset":3,"next":4,"events":[{}]}')
  );
  const log = new LogClient(connectionTo(server.url), "c");
  assert.equal(await log.probe(NEVER), "log l, oldest offset 3");
  assert.equal(server.requests[0]!.query.has("ack"), false);
  log.close();
  const queue = new QueueClient(connectionTo(server.url));
  assert.match(
    await queue.probe(NEVER),
    /^it answers, but has no \/healthz, as old buses have none; GET \/event was/,
  );
  assert.equal(server.requests.at(-1)!.path, "/healthz");
  queue.close();
});

Deno.test("a queue that has all that is asked for is told as one", async () => {
  await using server = FaultyServer.start(() => respond(200, ""));
  const queue = new QueueClient(connectionTo(server.url));
  assert.match(await queue.probe(NEVER), /^queue; GET \/event was not tried/);
  queue.close();
});

Deno.test("metrics are posted as JSON", async () => {
  await using server = FaultyServer.start(() => respond(204, ""));
  const connection = connectionTo(server.url);
  const metrics = [{ name: "open_windows", value: 3, timestamp: 1.5 }];
  await postMetrics(connection, metrics, NEVER);
  await connection.request({ path: "/healthz", expected: [204] }, NEVER);
  connection.close();
  const [posted, asked] = server.requests as [FaultyRequest, FaultyRequest];
  assert.equal(posted.method, "POST");
  assert.deepEqual(JSON.parse(posted.body), metrics);
  assert.equal(posted.headers.get("content-type"), "application/json");
  assert.deepEqual([asked.method, asked.headers.get("content-type")], ["GET", null]);
});

Deno.test("a request that was cancelled before it began is told as cancelled", async () => {
  const stop = new AbortController();
  const connection = connectionTo(`http://127.0.0.1:${freePort()}`);
  stop.abort();
  await assert.rejects(connection.request({ path: "/healthz", expected: [200] }, stop.signal), {
    kind: "unavailable",
    message: /: the request was cancelled$/,
  });
  connection.close();
});

Deno.test("an answer of a queue that breaks off loses the event in it, and no other answer does", async () => {
  const event = '{"name":"a","value":1,"timestamp":1}';
  const lostWith = async (answer: string) => {
    await using server = FaultyServer.start(() => answer);
    const queue = new QueueClient(connectionTo(server.url));
    try {
      await queue.take(NEVER);
      return undefined;
    } catch (error) {
      assert.ok(error instanceof SourceError, String(error));
      assert.equal(/is lost, since the bus has removed it/.test(error.message), error.lost > 0);
      return error.lost;
    } finally {
      queue.close();
    }
  };
  const whole = respond(200, event);
  assert.equal(await lostWith(whole), undefined);
  assert.equal(await lostWith(whole.slice(0, -1)), 1);
  assert.equal(await lostWith(whole.slice(0, -event.length)), 1);
  assert.equal(await lostWith(""), 0);
  assert.equal(await lostWith(respond(503, event)), 0);
  assert.equal(await lostWith(respond(503, event).slice(0, -1)), 0);
  assert.equal(await lostWith(respond(200, "<html>", { "content-type": "text/html" })), 0);
});
