import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { Steps } from "../../../src/platform/clock/steps.ts";
import { FormatReaders } from "../../../src/sources/listen/format_readers.ts";
import { pushPaths } from "../../../src/sources/listen/push_paths.ts";
import { RecordCheck } from "../../../src/sources/listen/record_check.ts";
import { encoded, JSON_TYPE, PROTOBUF, requestOf } from "../../support/otlp_messages.ts";
import { compressed, writeRequest, writeRequestV2 } from "../../support/prometheus_messages.ts";
import { Rig } from "./rig.ts";

const TIME_MS = 1_700_000_000_000;
const COUNT = 30_000;
const V2 = `${PROTOBUF};proto=io.prometheus.write.v2.Request`;
const many = <T>(make: (i: number) => T) => Array.from({ length: COUNT }, (_, i) => make(i));
const bytesOf = (text: string) => new TextEncoder().encode(text);

const series = many((i) => ({
  labels: { __name__: "a", instance: `host-${i}` },
  samples: [{ value: i, timestamp: TIME_MS }],
}));
const points = many((i) => ({ timeUnixNano: `${TIME_MS}000000`, asInt: `${i}` }));
const otlp = requestOf([{ name: "a", gauge: { dataPoints: points } }]);
const event = (i: number) => `{"name":"a","value":${i},"timestamp":1700000000}`;

const REQUESTS: readonly (readonly [path: string, type: string, body: Uint8Array])[] = [
  ["/write?precision=ms", "text/plain", bytesOf(many((i) => `m f=${i} ${TIME_MS}`).join("\n"))],
  ["/events", JSON_TYPE, bytesOf(`[${many(event).join(",")}]`)],
  ["/events", "application/x-ndjson", bytesOf(many(event).join("\n"))],
  ["/api/v1/write", PROTOBUF, compressed(writeRequest(series))],
  ["/api/v1/write", V2, compressed(writeRequestV2(series))],
  ["/v1/metrics", PROTOBUF, encoded(otlp, PROTOBUF)],
  ["/v1/metrics", JSON_TYPE, encoded(otlp, JSON_TYPE)],
];

for (const [path, type, body] of REQUESTS) {
  Deno.test(`a large body to ${path}, ${type}, is decoded in steps between which others have their turn`, () => {
    const { pathname, searchParams: query } = new URL(path, "http://host");
    const paths = pushPaths(new RecordCheck(new FormatReaders({})));
    const headers = new Headers({ "content-type": type });
    const digest = function* () {
      yield* [];
      return "";
    };
    const push = { body: body.slice(), query, headers, arrivedMs: TIME_MS, digest };
    const work: Steps<{ readonly runs: readonly { readonly records: { readonly ends: Uint32Array } }[] }> =
      paths[pathname]!.decode(push);
    let steps = 0;
    let step = work.next();
    for (; !step.done; step = work.next()) steps++;
    assert.equal(step.value.runs.reduce((sum, { records }) => sum + records.ends.length, 0), COUNT);
    assert.ok(steps >= 10, `${steps}`);
  });
}

Deno.test("bodies of too many records, or of one that is too large, are refused in whole", async () => {
  await using rig = await Rig.start();
  const zip = { "content-encoding": "gzip" };
  const lines = Uint8Array.from(gzipSync("m f=1\n".repeat(1_000_001)));
  const many = await rig.post("/write", lines, zip);
  assert.equal(many.status, 413);
  assert.match(many.text, /1000000 records at most; send several requests/);
  const long = `m f=1\nm f="${"x".repeat(1024 * 1024)}"`;
  const large = await rig.post("/write", long);
  assert.equal(large.status, 413);
  assert.match(large.text, /record 2 is larger than 1024 KiB; nothing of the request is kept/);
  assert.deepEqual(await rig.read(), []);
});
