import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { Rig } from "./rig.ts";

const JSON_TYPE = { "content-type": "application/json" };
const NOW_S = 1_700_000_000;
const named = (name: string, value: number) => ({ name, value, timestamp: NOW_S });

Deno.test("events come as an array or a line each, and bad ones are told of and left out", async () => {
  await using rig = await Rig.start();
  const array = JSON.stringify([named("a", 1), { name: "b" }, named("c", 3)]);
  const partly = await rig.post("/events", array, JSON_TYPE);
  assert.equal(partly.status, 400);
  const { next, taken, refused, reasons } = JSON.parse(partly.text);
  assert.deepEqual([next, taken, refused, reasons[0].number], [2, 2, 1, 2]);
  const lines = `${JSON.stringify(named("d", 4))}\r\n\n{"name":\n ${JSON.stringify(named("e", 5))}`;
  const ndjson = { "content-type": "application/x-ndjson" };
  assert.match((await rig.post("/events", lines, ndjson)).text, /record 2: not JSON.*all others are taken/);
  const empty = await rig.post("/events", "", ndjson);
  assert.deepEqual([empty.status, JSON.parse(empty.text)], [202, { next: 4, taken: 0 }]);
  assert.deepEqual((await rig.read()).map(({ name }) => name), ["a", "c", "d", "e"]);
});

Deno.test("a page in a browser cannot send events, and a body that is cut is refused in whole", async () => {
  await using rig = await Rig.start();
  const array = JSON.stringify([named("a", 1)]);
  assert.equal((await rig.post("/events", array, { "content-type": "text/plain" })).status, 415);
  assert.equal((await rig.post("/events", array.slice(0, -3), JSON_TYPE)).status, 400);
  assert.equal((await rig.post("/write", "m f=1", { origin: "http://elsewhere" })).status, 403);
  assert.equal((await rig.post("/write", "x", { "content-encoding": "gzip" })).status, 400);
  const unknown = await rig.post("/write", "x", { "content-encoding": "br" });
  // It is refused each time, so it need not be sent again.
  assert.deepEqual([unknown.status, unknown.headers.get("retry-after")], [415, null]);
  assert.deepEqual(await rig.read(), []);
});

Deno.test("line protocol comes in each precision of both versions, packed or not", async () => {
  await using rig = await Rig.start();
  const cases: [path: string, digits: string][] = [
    ["/write?db=plant", `${NOW_S}000000000`],
    ["/write?db=plant&precision=n", `${NOW_S}000000000`],
    ["/write?db=plant&precision=u", `${NOW_S}000000`],
    ["/write?db=plant&precision=ms", `${NOW_S}000`],
    ["/write?db=plant&precision=s", `${NOW_S}`],
    ["/api/v2/write?org=o&bucket=b&precision=us", `${NOW_S}000000`],
    ["/api/v2/write?org=o&bucket=b&precision=s", `${NOW_S}`],
    ["/api/v2/write?org=o&bucket=b", `${NOW_S}000000000`],
  ];
  for (const [path, digits] of cases) {
    const body = Uint8Array.from(
      gzipSync(`# a comment\nm,site=x temp=21.5,state="on\nair 5",level=3i ${digits}\r\n`),
    );
    const { status, text } = await rig.post(path, body, { "content-encoding": "gzip" });
    assert.equal(status, 204, text);
    const read = await rig.read();
    assert.deepEqual(read.map(({ value, timeMs }) => [value, timeMs]), [
      [21.5, NOW_S * 1000],
      [3, NOW_S * 1000],
    ], path);
  }
  assert.equal((await rig.post("/write?precision=m", `m f=1 ${28_333_333}`)).status, 204);
  assert.equal((await rig.post("/write?precision=ms", `m f=1 ${NOW_S}099`)).status, 204);
  assert.equal((await rig.post("/write", "m f=2")).status, 204);
  assert.deepEqual(
    (await rig.read()).map(({ timeMs }) => timeMs),
    [28_333_333 * 60_000, NOW_S * 1000 + 99, NOW_S * 1000],
  );
  assert.equal((await rig.post("/write?precision=d", "m f=1 1")).status, 400);
});

Deno.test("bad lines are told of in the words that clients know, and the good ones are kept", async () => {
  await using rig = await Rig.start();
  const lines =
    'good f=1 1700000000000000000\nbad\nm text="only"\nm f=nan\ngood f=2,g=nan 1700000000000000000';
  const first = await rig.post("/write", lines);
  assert.equal(first.status, 400);
  assert.match(
    JSON.parse(first.text).error,
    /^partial write: unable to parse: line 2: .*line 4: .*dropped=2$/,
  );
  const second = await rig.post("/api/v2/write", lines);
  assert.equal(JSON.parse(second.text).code, "invalid");
  assert.match(JSON.parse(second.text).message, /^partial write: /);
  assert.deepEqual((await rig.read()).map(({ value }) => value), [1, 2, 1, 2]);
  const text = await rig.post("/write", 'm text="only"');
  assert.equal(text.status, 204);
  const many = await rig.post("/write", "x\n".repeat(30_000));
  assert.match(many.text, /and others; dropped=30000/);
  assert.ok(many.text.length < 10_000);
});

Deno.test("clients find what they ask for before they write", async () => {
  await using rig = await Rig.start({ token: "secret" });
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const reply = await fetch(rig.server.url + path, { headers });
    return [reply.status, await reply.text()];
  };
  assert.deepEqual(await ask("/ping"), [204, ""]);
  assert.deepEqual(await ask("/ping?verbose=true"), [200, '{"version":"1.8"}']);
  assert.deepEqual(await ask("/query?q=CREATE+DATABASE+x&u=any&p=secret"), [
    200,
    '{"results":[{"statement_id":0}]}',
  ]);
  assert.equal((await ask("/query"))[0], 401);
  assert.equal((await ask("/healthz"))[0], 200);
  const authorized = { authorization: "Bearer secret" };
  assert.equal((await ask("/write", authorized))[0], 405);
  const [status, text] = await ask("/elsewhere", authorized);
  assert.equal(status, 404);
  assert.match(`${text}`, /\/events, \/write, \/api\/v2\/write/);
});

Deno.test("the token comes in each way in which clients send one, and no other passes", async () => {
  await using rig = await Rig.start({ token: "secret" });
  const status = async (path: string, authorization?: string) =>
    (await rig.post(path, "m f=1", authorization === undefined ? {} : { authorization })).status;
  assert.equal(await status("/write"), 401);
  for (const good of ["Bearer secret", "Token secret", "Token user:secret", `Basic ${btoa("user:secret")}`]) {
    assert.equal(await status("/api/v2/write", good), 204, good);
  }
  assert.equal(await status("/write?u=user&p=secret"), 204);
  for (const bad of ["Bearer other", `Basic ${btoa("secret:other")}`, "Basic ???"]) {
    assert.equal(await status("/write?p=secret", bad), 401, bad);
  }
  assert.equal(await status("/write?u=secret&p=other"), 401);
  const { headers } = await rig.post("/write", "m f=1", { authorization: "Bearer other" });
  assert.equal(headers.get("www-authenticate"), 'Bearer, Basic realm="listen"');
});

Deno.test("a full inbox refuses, loses nothing, and takes again once it was read", async () => {
  await using rig = await Rig.start({ maxBytes: 2000 });
  let taken = 0;
  let refusal = await rig.post("/write", "m f=1");
  for (; refusal.status === 204; taken++) refusal = await rig.post("/write", "m f=1");
  assert.equal(refusal.status, 429);
  assert.match(refusal.headers.get("retry-after") ?? "", /^\d+$/);
  assert.match(JSON.parse(refusal.text).error, /full/);
  // Telegraf's output for InfluxDB 1 would drop what is answered 429.
  for (const [path, status] of [["/write", 503], ["/api/v2/write", 429]] as const) {
    const later = await rig.post(path, "m f=1", { "user-agent": "Telegraf/1.39.3 Go/1.26" });
    assert.deepEqual([later.status, later.headers.get("retry-after")], [status, "5"]);
  }
  // A body that is too large at any time is not even looked at.
  rig.inbox.maxBytes = rig.inbox.bytes;
  assert.equal((await rig.post("/write", `m f=1\n`.repeat(1000))).status, 429);
  rig.inbox.maxBytes = 2000;
  assert.equal((await rig.read()).length, taken);
  await rig.inbox.append([], 0);
  assert.equal((await rig.post("/write", "m f=1")).status, 204);
  assert.equal((await rig.post("/write", `m f=1\n`.repeat(1000))).status, 413);
});

Deno.test("a request with a key that comes again is answered as before and kept once", async () => {
  await using rig = await Rig.start();
  const key = { "idempotency-key": "k1" };
  const lines = "m f=1\nbad";
  const both = await Promise.all([rig.post("/write", lines, key), rig.post("/write", lines, key)]);
  const later = await rig.post("/write", lines, key);
  for (const { status, text } of [...both, later]) assert.deepEqual([status, text], [400, both[0].text]);
  for (const other of ["m f=2\nbad", "n f=1\nbad", "m f=1\nbat"]) {
    assert.equal((await rig.post("/write", other, key)).status, 422);
  }
  assert.equal((await rig.post("/write", "m f=2", { "idempotency-key": "x".repeat(300) })).status, 400);
  for (let i = 0; i < 2; i++) {
    const { status, text } = await rig.post("/write", "m f=3", { "idempotency-key": "k2" });
    assert.deepEqual([status, text], [204, ""]);
  }
  assert.deepEqual((await rig.read()).map(({ value }) => value), [1, 3]);
});

Deno.test("a key has 1 to 256 characters", async () => {
  await using rig = await Rig.start();
  const statuses: number[] = [];
  for (const length of [0, 1, 256, 257]) {
    const { status, text } = await rig.post("/write", "m f=1", { "idempotency-key": "x".repeat(length) });
    statuses.push(status);
    if (status === 400) assert.match(text, /idempotency-key must have 1 to 256 characters/);
  }
  assert.deepEqual(statuses, [400, 204, 204, 400]);
});

Deno.test("an inbox that cannot be written is told of in the words of each path, and sent again later", async () => {
  await using rig = await Rig.start();
  rig.inbox.append = () => Promise.reject(new Error("disk I/O error"));
  for (const [path, said] of [["/write", /^\{"error":/], ["/api/v2/write", /"code":/]] as const) {
    const { headers, status, text } = await rig.post(path, "m f=1");
    assert.deepEqual([status, headers.get("retry-after")], [503, "5"]);
    assert.match(text, said);
    assert.match(text, /the inbox cannot be written; send again later/);
    assert.doesNotMatch(text, /disk/);
  }
});

Deno.test("a request with a key that could not be kept is tried anew when it comes again", async () => {
  await using rig = await Rig.start();
  const { append } = rig.inbox;
  const post = () => rig.post("/write", "m f=1", { "idempotency-key": "k" });
  rig.inbox.append = () => Promise.reject(new Error("disk I/O error"));
  assert.equal((await post()).status, 503);
  rig.inbox.append = append;
  assert.equal((await post()).status, 204);
  assert.deepEqual((await rig.read()).map(({ value }) => value), [1]);
});

Deno.test("the log has what was refused, with what its sender was told, and nothing of what was taken", async () => {
  const resource = { scopeMetrics: [{ metrics: [{ name: "m", summary: { dataPoints: [{}] } }] }] };
  const points = JSON.stringify({ resourceMetrics: [resource] });
  for (
    const [path, good, bad, status, said] of [
      ["/write", "m f=1", "m f=1\nbad", 400, /^\{"error":"partial write: unable to parse: line 2: /],
      ["/v1/metrics", "{}", points, 200, /^1 of 1 points are refused: /],
    ] as const
  ) {
    await using rig = await Rig.start();
    const taken = await rig.post(path, good, JSON_TYPE);
    assert.ok(taken.status < 300);
    assert.equal(rig.log.length, 0);
    assert.equal((await rig.post(path, bad, JSON_TYPE)).status, status);
    const { level, message, answer, count } = rig.log[0]!;
    assert.deepEqual(
      [level, message, count],
      ["warn", "records were refused, and their sender was told why", 1],
    );
    assert.match(`${answer}`, said);
  }
});

Deno.test("records keep the trace that their request names, where it names one", async () => {
  await using rig = await Rig.start();
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  for (const named of [traceparent, "none", `00-${"0".repeat(32)}-${"b".repeat(16)}-01`]) {
    assert.equal((await rig.post("/write", "m f=1", { traceparent: named })).status, 204);
  }
  assert.deepEqual([0, 1, 2].map((at) => rig.inbox.traces.at(at)), [traceparent, undefined, undefined]);
});

Deno.test("a commit waits no more for a request that was refused before its body had come", async () => {
  await using rig = await Rig.start();
  const coming = new Set<number>();
  let requests = 0;
  rig.inbox.expect = () => {
    const number = requests++;
    coming.add(number);
    return () => coming.delete(number);
  };
  assert.equal((await rig.post("/write", "x", { "content-encoding": "br" })).status, 415);
  assert.deepEqual([requests, coming.size], [1, 0]);
});

Deno.test("mappings apply where the format has what they name, else its defaults do", async () => {
  const events = { format: "influx", name: "{topic}/{measurement}", labels: "host:{tag:host}", value: "/v" };
  await using rig = await Rig.start({ events });
  await rig.post("/write?db=plant", "cpu,host=a,cpu=0 idle=1");
  await rig.post("/events", JSON.stringify([{ name: "x", v: 5, timestamp: NOW_S }]), JSON_TYPE);
  const names = (await rig.read()).map(({ name }) => name);
  assert.match(names[0]!, /^plant\/cpu.*host.*a/s);
  assert.doesNotMatch(names[0]!, /idle/);
  assert.equal(names[1], "x");
});

Deno.test("a name that is not the listener's is refused with what helps: a token", async () => {
  await using rig = await Rig.start();
  const { hostname, port } = new URL(rig.server.url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(
    new TextEncoder().encode(
      "POST /write HTTP/1.1\r\nHost: gateway.plant\r\nContent-Length: 5\r\nConnection: close\r\n\r\nc v=1",
    ),
  );
  const reply = await new Response(connection.readable).text();
  assert.match(reply, /^HTTP\/1\.1 403 /);
  assert.match(reply, /not known as .*gateway\.plant.*use an address, or set VABUS_TOKEN/);
});
