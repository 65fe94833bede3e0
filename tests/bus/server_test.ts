import assert from "node:assert/strict";
import { PATIENCE_MS } from "../support/executable.ts";
import { BusError, type BusServerOptions, startBus } from "../../src/bus/server.ts";
import { loggerTo } from "../support/logs.ts";

const TOKEN = "swordfish";
const JSON_TYPE = "application/json";

type Bus = Awaited<ReturnType<typeof start>>;

function start(options: Partial<BusServerOptions> = {}) {
  const lines: string[] = [];
  const logger = loggerTo(lines, "info", "json");
  const server = startBus({
    hostname: "127.0.0.1",
    port: 0,
    store: { kind: "memory" },
    maxEvents: 1000,
    maxBytes: 1_000_000,
    consumerExpiryMs: 3_600_000,
    allowedHosts: [],
    logger,
    ...options,
  });
  return { ...server, lines, [Symbol.asyncDispose]: () => server.close() };
}

/** Runs a test of the protocol over each store. */
function protocol(
  name: string,
  test: (bus: Bus) => Promise<void>,
  options: Partial<BusServerOptions> = {},
): void {
  Deno.test(`memory: ${name}`, async () => {
    await using bus = start(options);
    await test(bus);
  });
  Deno.test(`sqlite: ${name}`, async () => {
    const directory = await Deno.makeTempDir();
    try {
      await using bus = start({ ...options, store: { kind: "sqlite", path: `${directory}/bus.sqlite` } });
      await test(bus);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

async function get(bus: Bus, path: string, headers: HeadersInit = {}) {
  const reply = await fetch(bus.url + path, { headers });
  const text = await reply.text();
  return {
    status: reply.status,
    headers: reply.headers,
    text,
    json: text === "" ? undefined : JSON.parse(text),
  };
}

async function post(bus: Bus, path: string, body: BodyInit | null, headers: Record<string, string> = {}) {
  const reply = await fetch(bus.url + path, {
    method: "POST",
    body,
    headers: { "content-type": JSON_TYPE, ...headers },
  });
  const text = await reply.text();
  return {
    status: reply.status,
    headers: reply.headers,
    json: text === "" ? undefined : JSON.parse(text),
  };
}

/** Publishes events that differ in a number. */
function publish(bus: Bus, ...numbers: number[]) {
  return post(bus, "/events", JSON.stringify(numbers.map((n) => ({ n }))));
}

function objects(...numbers: number[]) {
  return numbers.map((n) => ({ n }));
}

/** The beginning of the answer to bytes that no client would send. */
async function raw(bus: Bus, request: string): Promise<string> {
  using connection = await Deno.connect({ port: bus.port });
  await connection.write(new TextEncoder().encode(request));
  const answer = new Uint8Array(4096);
  return new TextDecoder().decode(answer.subarray(0, await connection.read(answer) ?? 0));
}

function gzip(bytes: BodyInit): Promise<Uint8Array<ArrayBuffer>> {
  return new Response(new Response(bytes).body!.pipeThrough(new CompressionStream("gzip"))).bytes();
}

protocol("what was published is read from any offset", async (bus) => {
  const first = await post(bus, "/events", '[{"a":1},{"b":2}]');
  assert.deepEqual([first.status, first.json], [202, { next: 2 }]);
  const second = await post(bus, "/events", '[{"c":3}]');
  assert.deepEqual([second.status, second.json], [202, { next: 3 }]);
  const { json: { log } } = await get(bus, "/healthz");
  const all = await get(bus, "/events");
  assert.equal(all.headers.get("content-type"), JSON_TYPE);
  assert.deepEqual(all.json, { log, offset: 0, next: 3, events: [{ a: 1 }, { b: 2 }, { c: 3 }] });
  assert.deepEqual((await get(bus, "/events?offset=1&limit=1")).json, {
    log,
    offset: 1,
    next: 2,
    events: [{ b: 2 }],
  });
  assert.deepEqual((await get(bus, "/events?offset=3&wait=0")).json, { log, offset: 3, next: 3, events: [] });
  assert.deepEqual((await get(bus, "/healthz")).json, { status: "ok", log, first: 0, next: 3 });
});

protocol("events keep every byte, garbage too", async (bus) => {
  const events = [
    '{"value":1e400,"name":"a","name" : "b\\u0000"}',
    "{}",
    '{"x":"],["}',
    '{"name":-1E-7}',
    '{"value":[[]]}',
    '{"ä":"😀"}',
  ];
  await post(bus, "/events", `[ ${events.join(" ,\n")} ]`);
  const { text } = await get(bus, "/events");
  assert.equal(text.slice(text.indexOf("[")), `[${events.join(",")}]}`);
  assert.equal((await get(bus, "/event")).text, events[0]);
});

protocol("a reader beyond the end or before the oldest is told where the log is", async (bus) => {
  for (let i = 0; i < 15; i++) await publish(bus, i);
  const { log } = (await get(bus, "/healthz")).json;
  const trimmed = await get(bus, "/events?offset=4");
  assert.deepEqual([trimmed.status, trimmed.json], [410, { log, first: 5, next: 15 }]);
  for (const offset of [16, Number.MAX_SAFE_INTEGER]) {
    const reset = await get(bus, `/events?offset=${offset}&wait=60`);
    assert.deepEqual([reset.status, reset.json], [416, { log, first: 5, next: 15 }]);
  }
  assert.equal((await get(bus, "/events")).json.offset, 5);
}, { maxEvents: 10 });

protocol("where nobody is known the oldest are dropped, and that is said once", async (bus) => {
  await publish(bus, 0, 1);
  await publish(bus, 2, 3);
  await publish(bus, 4);
  assert.equal(bus.lines.length, 1);
  assert.match(bus.lines[0]!, /"level":"warn".*"first":2/);
  assert.deepEqual((await get(bus, "/events")).json.events, objects(3, 4));
}, { maxEvents: 2 });

for (const path of ["/events", "/metrics"]) {
  protocol(`${path}: one publisher does not push out what a consumer has not read`, async (bus) => {
    // The log of metrics has bounds of its own.
    const rounds = path === "/events" ? 1 : 25;
    const full = JSON.stringify(Array(path === "/events" ? 2 : 4000).fill({}));
    for (let i = 0; i < rounds; i++) await post(bus, path, full);
    const { json: { next } } = await get(bus, `${path}?consumer=a&ack=1&limit=1`);
    const refused = await post(bus, path, full);
    assert.equal(refused.status, 429);
    assert.match(refused.headers.get("retry-after")!, /^\d+$/);
    assert.match(refused.json.error, /full.*consumer "a"/);
    assert.deepEqual((await get(bus, `${path}?limit=1`)).json.offset, 0, "nothing went");
    const end = rounds * (path === "/events" ? 2 : 4000);
    assert.equal((await get(bus, `${path}?offset=${next}&consumer=a&ack=${end}&limit=1`)).status, 200);
    assert.ok([202, 204].includes((await post(bus, path, full)).status));
  }, { maxEvents: 2 });
}

protocol("an acknowledgement from another log counts for nothing", async (bus) => {
  await publish(bus, 0, 1);
  await get(bus, "/events?consumer=a&ack=1");
  await get(bus, "/events?consumer=a&ack=1000&offset=1000");
  assert.equal((await publish(bus, 2)).status, 202);
  assert.equal((await publish(bus, 3)).status, 429);
  assert.equal(bus.lines.filter((line) => line.includes("refused")).length, 1);
}, { maxEvents: 2 });

protocol("who takes from the queue is a consumer too", async (bus) => {
  await publish(bus, 0, 1);
  assert.deepEqual((await get(bus, "/event")).json, { n: 0 });
  assert.equal((await publish(bus, 2)).status, 202);
  const refused = await publish(bus, 3);
  assert.equal(refused.status, 429);
  assert.match(refused.json.error, /GET \/event /);
}, { maxEvents: 2 });

protocol("by the operator's word the oldest go, whoever has not read them", async (bus) => {
  await get(bus, "/events?consumer=a");
  await publish(bus, 0, 1);
  assert.equal((await publish(bus, 2)).status, 202);
  assert.equal(bus.lines.length, 1);
}, { maxEvents: 2, whenFull: "drop-oldest" });

protocol("by the operator's word a full log takes nothing, though nobody is known", async (bus) => {
  await publish(bus, 0, 1);
  assert.equal((await publish(bus, 2)).status, 429);
}, { maxEvents: 2, whenFull: "refuse" });

protocol("what can never fit is refused for good, with the bound", async (bus) => {
  const { status, json } = await publish(bus, 0, 1, 2);
  assert.equal(status, 413);
  assert.match(json.error, /--max-events/);
}, { maxEvents: 2 });

protocol("a long poll answers with the first event", async (bus) => {
  const answer = get(bus, "/events?offset=0&wait=60");
  await publish(bus, 7, 8);
  assert.deepEqual((await answer).json.events, objects(7, 8));
});

protocol("a long poll ends with nothing when its time is over", async (bus) => {
  const { status, json } = await get(bus, "/events?wait=0.01");
  assert.deepEqual([status, json.offset, json.next, json.events], [200, 0, 0, []]);
});

protocol("a long poll is compressed when asked for", async (bus) => {
  const answer = get(bus, "/events?wait=60", { "accept-encoding": "gzip" });
  await publish(bus, 7);
  assert.deepEqual((await answer).json.events, objects(7));
});

protocol("closing answers those who wait", async (bus) => {
  const reply = await fetch(bus.url + "/events?wait=60");
  const body = reply.json();
  await bus.close();
  assert.deepEqual((await body).events, []);
});

Deno.test("closing does not wait for a client that is stuck", async () => {
  const bus = start();
  using connection = await Deno.connect({ port: bus.port });
  await connection.write(
    new TextEncoder().encode(
      "POST /events HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n",
    ),
  );
  // The server asks for the rest of the body, so it is answering the request.
  await connection.read(new Uint8Array(100));
  await bus.close();
});

Deno.test("readers are bounded, and those who went away do not count", async () => {
  await using bus = start();
  const leaving = new AbortController();
  const readers: Response[] = [];
  const refused: Response[] = [];
  const connect = () => fetch(`${bus.url}/events?wait=60`, { signal: leaving.signal });
  while (refused.length === 0) {
    assert.ok(readers.length < 1000, "readers are not bounded");
    // Side by side, so that the first are still waiting when the last one comes.
    for (const reply of await Promise.all(Array.from({ length: 100 }, connect))) {
      (reply.status === 200 ? readers : refused).push(reply);
    }
  }
  for (const { body, headers, status } of refused) {
    assert.deepEqual([status, headers.get("retry-after")], [503, "1"]);
    await body!.cancel();
  }
  leaving.abort();
  for (const reader of readers) await assert.rejects(reader.text());
  const deadline = AbortSignal.timeout(PATIENCE_MS);
  while ((await get(bus, "/events?wait=0.001")).status !== 200) deadline.throwIfAborted();
});

protocol("the queue gives each event once, and readers of the log see it gone", async (bus) => {
  await post(bus, "/events", '[{"a":1},{"a":2}]');
  assert.deepEqual((await get(bus, "/event")).json, { a: 1 });
  assert.equal((await get(bus, "/events?offset=0")).status, 410);
  assert.deepEqual((await get(bus, "/events?offset=1")).json.events, [{ a: 2 }]);
  assert.deepEqual((await get(bus, "/event")).json, { a: 2 });
  const empty = await get(bus, "/event");
  assert.deepEqual([empty.status, empty.text], [204, ""]);
});

protocol("metrics are a log of their own", async (bus) => {
  assert.equal((await post(bus, "/metrics", '[{"name":"a","value":1,"timestamp":2}]')).status, 204);
  assert.deepEqual((await get(bus, "/events")).json.events, []);
  const { json } = await get(bus, "/metrics?offset=0&limit=10");
  assert.deepEqual([json.offset, json.next, json.events], [0, 1, [{ name: "a", value: 1, timestamp: 2 }]]);
});

protocol("gzip is understood and spoken", async (bus) => {
  const events = Array.from({ length: 500 }, (_, i) => ({ name: "a", value: i }));
  const body = await gzip(JSON.stringify(events));
  for (const encoding of ["gzip", "x-gzip", "GZIP"]) {
    assert.equal((await post(bus, "/events", body, { "content-encoding": encoding })).status, 202);
  }
  for (
    const [accepted, encoding] of [
      ["identity", null],
      ["gzip;q=0", null],
      ["br", null],
      ["gzip", "gzip"],
      ["br, gzip;q=0.5", "gzip"],
    ] as const
  ) {
    const reply = await fetch(`${bus.url}/events?limit=500`, { headers: { "accept-encoding": accepted } });
    assert.equal(reply.headers.get("content-encoding"), encoding, accepted);
    const bytes = await reply.bytes();
    const plain = bytes[0] === 0x1f
      ? await new Response(new Response(bytes).body!.pipeThrough(new DecompressionStream("gzip"))).text()
      : new TextDecoder().decode(bytes);
    assert.deepEqual(JSON.parse(plain).events, events);
  }
});

protocol("bodies that are no arrays are refused with a reason, and change nothing", async (bus) => {
  for (const path of ["/events", "/metrics"]) {
    for (const body of [null, "", "{}", "[", "[1,]", "\u{1f600}", '{"events":[]}']) {
      const { status, json } = await post(bus, path, body);
      assert.equal(status, 400, `${path} ${body}`);
      assert.match(json.error, /JSON/);
    }
    const torn = (await gzip("[{},{}]")).slice(0, -3);
    assert.equal((await post(bus, path, torn, { "content-encoding": "gzip" })).status, 400);
    assert.equal((await post(bus, path, "[{}]", { "content-encoding": "gzip" })).status, 400);
    assert.equal((await post(bus, path, "[{}]", { "content-encoding": "br" })).status, 415);
    assert.equal((await get(bus, path)).json.next, 0);
  }
});

protocol(
  "an element that is no event costs the request, with its position, and nothing of it is kept",
  async (bus) => {
    for (const path of ["/events", "/metrics"]) {
      for (
        const odd of [
          "1",
          "null",
          "[]",
          '"x"',
          "{]",
          "{'a':1}",
          '{"v":NaN}',
          '{"v":1,}',
          "{",
          '{"a":"\u0001"}',
        ]
      ) {
        const { status, json } = await post(bus, path, `[{"n":1} , {"n":2},${odd},{}]`);
        assert.deepEqual([status, json.position], [400, 2], odd);
        assert.match(json.error, /^event 2 is (no JSON object|not JSON)/);
      }
      const bytes = new TextEncoder().encode('[{"n":"?"}]').map((byte) => byte === 0x3f ? 0xff : byte);
      const { status, json } = await post(bus, path, bytes);
      assert.deepEqual([status, json.position], [400, 0]);
      assert.match(json.error, /UTF-8/);
      assert.equal((await get(bus, path)).json.next, 0);
    }
  },
);

protocol("so many events a request, however few bytes they are", async (bus) => {
  for (const path of ["/events", "/metrics"]) {
    const most = `[${"{},".repeat(99_999)}{}`;
    const { status, json } = await post(bus, path, await gzip(`${most},{}]`), { "content-encoding": "gzip" });
    assert.equal(status, 413);
    assert.match(json.error, /100000/);
    assert.equal((await get(bus, path)).json.next, 0);
  }
  assert.equal((await post(bus, "/events", `[${"{},".repeat(99_999)}{}]`)).status, 202);
}, { maxEvents: 100_000 });

protocol("an event has a bound of its own, in bytes and in depth", async (bus) => {
  const large = (length: number) => `[{"n":"${"x".repeat(length - 8)}"}]`;
  assert.equal((await post(bus, "/events", large(1024 * 1024))).status, 202);
  const refused = await post(bus, "/events", large(1024 * 1024 + 1));
  assert.equal(refused.status, 413);
  assert.match(refused.json.error, /1024 KiB/);
  const nested = (depth: number) => `[${'{"a":'.repeat(depth)}1${"}".repeat(depth)}]`;
  assert.equal((await post(bus, "/events", nested(128))).status, 202);
  assert.equal((await post(bus, "/events", nested(129))).status, 400);
  assert.equal((await post(bus, "/events", nested(1_000_000))).status, 400);
}, { maxBytes: 10_000_000 });

protocol("JSON is taken, or what names no type; nothing that a page may send unasked", async (bus) => {
  for (const type of [JSON_TYPE, "Application/JSON; charset=utf-8", "application/vnd.plant+json"]) {
    assert.equal((await post(bus, "/events", "[{}]", { "content-type": type })).status, 202, type);
  }
  for (
    const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "application/jsonp",
      "json",
    ]
  ) {
    const { status, json } = await post(bus, "/events", "[{}]", { "content-type": type });
    assert.equal(status, 415, type);
    assert.match(json.error, /content-type: application\/json/);
  }
  assert.match(
    await raw(
      bus,
      "POST /events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 4\r\n\r\n[{}]",
    ),
    / 202 /,
  );
});

protocol("too large a body is refused, inflated or not", async (bus) => {
  const zeros = new Uint8Array(65 * 1024 * 1024);
  assert.equal((await post(bus, "/events", await gzip(zeros), { "content-encoding": "gzip" })).status, 413);
  assert.match(
    await raw(
      bus,
      "POST /events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 99999999999\r\n\r\n",
    ),
    / 413 /,
  );
  assert.equal((await get(bus, "/healthz")).json.next, 0);
});

protocol("queries are refused with the name of what is wrong", async (bus) => {
  for (
    const query of [
      ...["-1", "1.5", "a", "", "1e3", "9007199254740992", "99999999999999999999"].map((text) =>
        `offset=${text}`
      ),
      ...["0", "-1", "x"].map((text) => `limit=${text}`),
      ...["-1", "x", "Infinity", ""].map((text) => `wait=${text}`),
      ...["-1", "x"].map((text) => `ack=${text}`),
      "consumer=",
      `consumer=${"c".repeat(257)}`,
    ]
  ) {
    const { status, json } = await get(bus, `/events?${query}`);
    assert.equal(status, 400, query);
    assert.ok(json.error.startsWith(query.split("=")[0]!), json.error);
  }
});

protocol("numbers beyond reason are kept", async (bus) => {
  const huge = `{"n":${"9".repeat(10_000)}}`;
  assert.equal((await post(bus, "/events", `[${huge}]`)).status, 202);
  assert.equal(await fetch(`${bus.url}/event`).then((reply) => reply.text()), huge);
});

Deno.test("a large log is read in parts, each event once, compressed or not", async () => {
  await using bus = start({ maxEvents: 1_000_000, maxBytes: 1 << 30 });
  const event = `{"n":"${"x".repeat(1000)}"}`;
  for (let i = 0; i < 3; i++) await post(bus, "/events", `[${Array(5000).fill(event).join(",")}]`);
  for (const encoding of ["identity", "gzip"]) {
    let offset = 0;
    let replies = 0;
    for (; offset < 15_000; replies++) {
      const reply = await get(bus, `/events?offset=${offset}&limit=100000`, { "accept-encoding": encoding });
      assert.equal(reply.status, 200);
      assert.equal(reply.json.events.length, reply.json.next - offset);
      assert.ok(reply.text.length <= 9 * 1024 * 1024);
      // A reader that knows the length reads the reply in one piece.
      const length = encoding === "identity" ? `${reply.text.length}` : null;
      assert.equal(reply.headers.get("content-length"), length);
      offset = reply.json.next;
    }
    assert.ok(replies > 1);
  }
});

Deno.test("readers that take nothing keep nobody else from reading", async () => {
  await using bus = start({ maxEvents: 1_000_000, maxBytes: 1 << 30 });
  const event = `{"n":"${"x".repeat(1000)}"}`;
  for (let i = 0; i < 2; i++) await post(bus, "/events", `[${Array(5000).fill(event).join(",")}]`);
  const stalled = await Promise.all(
    Array.from({ length: 30 }, () => fetch(`${bus.url}/events?limit=100000`)),
  );
  const { status, json } = await get(bus, "/events?limit=100000");
  assert.equal(status, 200);
  assert.ok(json.next > 0 && json.events.length === json.next);
  for (const reply of stalled) await reply.body!.cancel();
});

Deno.test("bodies that do not come to an end keep nobody else from publishing", async () => {
  await using bus = start();
  const leaving = new AbortController();
  const bytes = new TextEncoder().encode(`[${"{},".repeat(20_000_000 / 3)}`);
  const senders = Array.from({ length: 8 }, () =>
    fetch(`${bus.url}/events`, {
      method: "POST",
      headers: { "content-type": JSON_TYPE },
      signal: leaving.signal,
      body: new ReadableStream({ start: (controller) => controller.enqueue(bytes) }),
    }).then((reply) => reply.body!.cancel().then(() => reply.status), () => 0));
  // There is no room for all of them.
  assert.equal(await Promise.any(senders.map(async (sender) => await sender || Promise.reject())), 503);
  assert.equal((await publish(bus, 1)).status, 202);
  leaving.abort();
  await Promise.all(senders);
});

protocol("a request that is cut off changes nothing", async (bus) => {
  using connection = await Deno.connect({ port: bus.port });
  await connection.write(
    new TextEncoder().encode("POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n[{}]"),
  );
  await connection.closeWrite();
  await new Response(connection.readable).text().catch(() => {});
  assert.equal((await get(bus, "/healthz")).json.next, 0);
});

protocol("unknown paths and methods are told apart", async (bus) => {
  assert.equal((await get(bus, "/")).status, 404);
  assert.equal((await get(bus, "/events/1")).status, 404);
  assert.equal((await post(bus, "/event", "[]")).status, 405);
  for (const method of ["DELETE", "toString", "constructor"]) {
    const answer = await raw(
      bus,
      `${method} /events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
    );
    assert.match(answer, / 405 [^]*\nallow: GET, POST\r/i);
  }
});

protocol("the token is asked for everywhere but /healthz", async (bus) => {
  await Promise.all(["/events", "/metrics", "/event", "/nowhere"].map(async (path) => {
    const without = await get(bus, path);
    assert.equal(without.status, 401);
    assert.equal(without.headers.get("www-authenticate"), "Bearer");
    assert.equal((await get(bus, path, { authorization: "Bearer wrong" })).status, 401);
  }));
  // Logged once a minute for each cause, without the given text.
  assert.equal(bus.lines.length, 2);
  assert.doesNotMatch(bus.lines.join(), /wrong"/);
  assert.equal((await post(bus, "/events", "[{}]")).status, 401);
  assert.equal((await get(bus, "/healthz")).json.next, 0);
  for (const scheme of ["Bearer", "bearer", "BEARER "]) {
    const authorization = `${scheme} ${TOKEN}`;
    assert.equal((await post(bus, "/events", "[{}]", { authorization })).status, 202, scheme);
    assert.deepEqual((await get(bus, "/event", { authorization })).json, {});
  }
}, { token: TOKEN });

Deno.test("an SQLite log goes on where it was after a restart; one in memory begins anew", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const restarted = async (store: BusServerOptions["store"]) => {
      await using before = start({ store });
      await post(before, "/events", '[{"v":1e400},{"v":2},{"v":3}]');
      await get(before, "/event");
      const { json } = await get(before, "/healthz");
      await before.close();
      await using after = start({ store });
      return {
        before: json,
        after: (await get(after, "/healthz")).json,
        events: (await get(after, "/events")).text,
      };
    };
    const sqlite = await restarted({ kind: "sqlite", path: `${directory}/bus.sqlite` });
    assert.deepEqual(sqlite.after, sqlite.before);
    assert.match(sqlite.events, /"offset":1,"next":3,"events":\[\{"v":2\},\{"v":3\}\]/);
    const memory = await restarted({ kind: "memory" });
    assert.notEqual(memory.after.log, memory.before.log);
    assert.equal(memory.after.next, 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a log whose file is removed or replaced takes nothing more, and what it had is read", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/bus.sqlite`;
  try {
    await using bus = start({ store: { kind: "sqlite", path } });
    assert.equal((await publish(bus, 0)).status, 202);
    await Deno.rename(path, `${path}.away`);
    const refused = await publish(bus, 1);
    assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "5"]);
    assert.match(bus.lines.at(-1)!, /the log cannot be written.*was removed while the bus runs/);
    await Deno.writeTextFile(path, "");
    assert.equal((await publish(bus, 1)).status, 503);
    assert.equal((await post(bus, "/metrics", "[{}]")).status, 503);
    assert.deepEqual((await get(bus, "/events?consumer=c&ack=0")).json.events, objects(0));
    assert.equal((await get(bus, "/healthz")).json.next, 1);
    await Deno.rename(`${path}.away`, path);
    assert.equal((await publish(bus, 2)).status, 202);
    assert.deepEqual((await get(bus, "/events?offset=1&consumer=c&ack=1")).json.events, objects(2));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a start that cannot be is an error for the operator", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/bus.sqlite`;
    await using bus = start({ store: { kind: "sqlite", path } });
    const refused = (options: Partial<BusServerOptions>, message: RegExp) =>
      assert.throws(
        () => start(options),
        (error) => error instanceof BusError && message.test(error.message),
      );
    refused({ port: bus.port }, /Address already in use.*--listen/);
    refused({ store: { kind: "sqlite", path } }, /in use by another bus/);
    refused(
      { store: { kind: "sqlite", path: `${directory}/none/bus.sqlite` } },
      /none\/bus\.sqlite cannot be opened/,
    );
    await Deno.writeTextFile(`${directory}/text`, "no database ".repeat(100));
    refused({ store: { kind: "sqlite", path: `${directory}/text` } }, /not a database/);
    refused({ tls: { cert: "no", key: "no" } }, /TLS files/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

protocol("a name that was not allowed and a page of another site are not answered", async (bus) => {
  for (const [path, allowed] of [["/events", 200], ["/healthz", 200]] as const) {
    const ask = async (...lines: string[]) =>
      Number(
        /^HTTP\/1.1 (\d+)/.exec(
          await raw(bus, [`GET ${path} HTTP/1.1`, ...lines, "connection: close", "", ""].join("\r\n")),
        )![1],
      );
    const refused = path === "/healthz" ? 200 : 403;
    for (
      const host of [
        "localhost",
        "LOCALHOST:8000",
        "a.localhost.",
        "127.0.0.1",
        "[::1]",
        "10.1.2.3",
        "edge7:9",
      ]
    ) {
      assert.equal(await ask(`host: ${host}`), allowed, host);
    }
    for (
      const host of ["evil.example", "evil.example:8000", "localhost.evil.example", "bus", "127.0.0.1.nip.io"]
    ) {
      assert.equal(await ask(`host: ${host}`), refused, host);
    }
    assert.equal(await ask("host: edge7:1", "origin: http://edge7:1"), allowed);
    for (const origin of ["http://evil.example", "null", "http://edge7:2", "http://127.0.0.1"]) {
      assert.equal(await ask("host: edge7:1", `origin: ${origin}`), refused, origin);
    }
    for (const site of ["cross-site", "same-site"]) {
      assert.equal(await ask("host: localhost", `sec-fetch-site: ${site}`), refused, site);
    }
    for (const site of ["none", "same-origin"]) {
      assert.equal(await ask("host: localhost", `sec-fetch-site: ${site}`), allowed, site);
    }
  }
  const { error } = JSON.parse(
    (await raw(bus, "GET /event HTTP/1.1\r\nhost: bus\r\nconnection: close\r\n\r\n")).split("\r\n\r\n")[1]!,
  );
  assert.match(error, /"bus".*HTTP_ALLOWED_HOSTS/);
  // One refusal of each cause.
  assert.equal(bus.lines.length, 2);
}, { allowedHosts: ["edge7"] });

protocol("with the token any name will do, and any page", async (bus) => {
  const answer = await raw(
    bus,
    "GET /events HTTP/1.1\r\nhost: bus.plant.example\r\norigin: http://x\r\nauthorization: bearer " +
      `${TOKEN}\r\nconnection: close\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1.1 200 /);
}, { token: TOKEN });

protocol("a host that is none is the client's mistake", async (bus) => {
  for (const host of ["%", "a b", "[", "a:b"]) {
    const answer = await raw(bus, `GET /events HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1.1 40[03] /, host);
  }
  assert.doesNotMatch(bus.lines.join("\n"), /could not/);
});
