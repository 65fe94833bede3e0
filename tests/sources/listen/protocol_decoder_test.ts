import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import {
  decodedAnswer,
  decodedStatus,
  encoded,
  JSON_TYPE,
  PROTOBUF,
  requestOf,
} from "../../support/otlp_messages.ts";
import { compressed, writeRequest } from "../../support/prometheus_messages.ts";
import { Rig } from "./rig.ts";

const SNAPPY = { "content-type": PROTOBUF, "content-encoding": "snappy" };
const TIME_MS = 1_700_000_000_000;

const point = (asDouble: number | string) => ({ timeUnixNano: `${TIME_MS}000000`, asDouble });
const gauge = (...values: (number | string)[]) =>
  requestOf([{ name: "g", gauge: { dataPoints: values.map(point) } }]);
const sampled = (name: string, value: number) => ({
  labels: { __name__: name },
  samples: [{ value, timestamp: TIME_MS }],
});
const REPEATABLE = [
  ["/api/v1/write", (value: number) => compressed(writeRequest([sampled("a", value)])), SNAPPY],
  ["/v1/metrics", (value: number) => encoded(gauge(value), PROTOBUF), { "content-type": PROTOBUF }],
  ["/v1/metrics", (value: number) => encoded(gauge(value), JSON_TYPE), { "content-type": JSON_TYPE }],
] as const;
const bytesOf = async (rig: Rig, path: string, body: Uint8Array, headers: Record<string, string>) => {
  const reply = await fetch(rig.server.url + path, { method: "POST", body: Uint8Array.from(body), headers });
  return { status: reply.status, type: reply.headers.get("content-type"), body: await reply.bytes() };
};

Deno.test("remote write goes into the inbox, with the mapping of the settings left aside", async () => {
  await using rig = await Rig.start({ events: { name: "x.{/a}", value: "/b" } });
  const samples = [{ value: 1, timestamp: TIME_MS }, { value: 2, timestamp: TIME_MS + 5 }];
  const good = { labels: { __name__: "a_total", job: "b" }, samples };
  const bad = { labels: { job: "b" }, samples };
  const body = (series: typeof bad[]) => Uint8Array.from(compressed(writeRequest(series)));
  const first = await rig.post("/api/v1/write", body([good]), SNAPPY);
  assert.deepEqual([first.status, first.text], [200, ""]);
  assert.equal(first.headers.get("x-prometheus-remote-write-samples-written"), "2");
  const second = await rig.post("/api/v1/write", body([good, bad]), SNAPPY);
  assert.deepEqual([second.status, second.text.split(":")[0]], [
    400,
    "2 of 4 samples are refused, the others are taken",
  ]);
  assert.equal((await rig.post("/api/v1/write", body([good]).subarray(1), SNAPPY)).status, 400);
  assert.equal((await rig.post("/api/v1/write", "{}", { "content-type": JSON_TYPE })).status, 415);
  const read = await rig.read();
  assert.deepEqual(read.map(({ value, timeMs }) => [value, timeMs - TIME_MS]), [[1, 0], [2, 5], [1, 0], [
    2,
    5,
  ]]);
  assert.ok(read.every(({ name }) => name.startsWith("a_total")));
});

for (const type of [PROTOBUF, JSON_TYPE]) {
  Deno.test(`OTLP as ${type} goes into the inbox, compressed or not, and is answered in its own words`, async () => {
    await using rig = await Rig.start();
    const body = encoded(gauge(1, 2), type);
    const first = await bytesOf(rig, "/v1/metrics", body, { "content-type": type });
    assert.deepEqual([first.status, first.type, decodedAnswer(first.body, type)], [200, type, {}]);
    const zipped = { "content-type": type, "content-encoding": "gzip" };
    const others = encoded(gauge(4, 5), type);
    assert.equal((await bytesOf(rig, "/v1/metrics", gzipSync(others), zipped)).status, 200);
    const infinite = type === JSON_TYPE ? "Infinity" : Infinity;
    const partly = await bytesOf(rig, "/v1/metrics", encoded(gauge(3, infinite), type), {
      "content-type": type,
    });
    assert.equal(partly.status, 200);
    assert.match(JSON.stringify(decodedAnswer(partly.body, type)), /"rejectedDataPoints":"1".*1 of 2 points/);
    const cut = await bytesOf(rig, "/v1/metrics", body.subarray(0, 9), { "content-type": type });
    assert.deepEqual([cut.status, cut.type, decodedStatus(cut.body, type).code], [400, type, 3]);
    assert.deepEqual((await rig.read()).map(({ value }) => value), [1, 2, 4, 5, 3]);
  });
}

Deno.test("remote write and OTLP count once however often they are sent; other values count", async () => {
  for (const [path, bodyOf, headers] of REPEATABLE) {
    await using rig = await Rig.start();
    const send = (value: number) => rig.post(path, Uint8Array.from(bodyOf(value)), headers);
    const [first, ...others] = await Promise.all([send(1), send(1), send(1)]);
    const { status, text } = first!;
    assert.deepEqual([status, ...others.map((other) => other.status)], [200, 200, 200]);
    assert.equal((await send(2)).status, 200);
    const again = await send(1);
    assert.deepEqual([again.status, again.text], [status, text]);
    for (const name of ["content-type", "x-prometheus-remote-write-samples-written"]) {
      assert.equal(again.headers.get(name), first!.headers.get(name));
    }
    assert.deepEqual((await rig.read()).map(({ value }) => value), [1, 2]);
  }
});

Deno.test("a full inbox is answered so that both kinds of clients send again; a wrong token is 401", async () => {
  await using rig = await Rig.start({ maxBytes: 4000, token: "secret" });
  const requests = [
    ["/v1/metrics", (value: number) => encoded(gauge(value), PROTOBUF), { "content-type": PROTOBUF }, 429],
    ["/v1/metrics", (value: number) => encoded(gauge(value), JSON_TYPE), { "content-type": JSON_TYPE }, 429],
    ["/api/v1/write", (value: number) => compressed(writeRequest([sampled("a", value)])), SNAPPY, 503],
  ] as const;
  for (const [path, bodyOf, headers, full] of requests) {
    const sent = Uint8Array.from(bodyOf(0));
    assert.equal((await rig.post(path, sent, { ...headers, authorization: "Bearer wrong" })).status, 401);
    let taken = 0;
    for (;;) {
      const body = Uint8Array.from(bodyOf(taken));
      const { status, headers: answer } = await rig.post(path, body, {
        ...headers,
        authorization: "Bearer secret",
      });
      if (status !== 200) {
        assert.equal(
          answer.get("content-type"),
          full === 429 ? headers["content-type"] : "text/plain; charset=utf-8",
        );
        assert.deepEqual([status, answer.get("retry-after")], [full, "5"]);
        assert.equal(answer.get("x-prometheus-remote-write-samples-written"), full === 503 ? "0" : null);
        break;
      }
      taken++;
    }
    assert.equal((await rig.read()).length, taken);
  }
});
