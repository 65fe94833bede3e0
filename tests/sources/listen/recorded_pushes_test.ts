/** Requests of real clients, as they were recorded. The clients themselves are in tests/e2e. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  RECORDED_POINTS,
  RECORDED_TIME_S,
  RECORDED_TOKEN,
  recordedPushes,
} from "../../support/recorded_pushes.ts";
import { Rig } from "./rig.ts";

const LABELS = '{"line":"4"}';

/** `name{labels}=value` of the events that the requests to a path become. */
async function eventsOf(path: string): Promise<string[]> {
  const pushes = (await recordedPushes()).filter((push) => push.path.split("?")[0] === path);
  assert.ok(pushes.length > 0, `no recorded request to ${path}`);
  await using rig = await Rig.start({ token: RECORDED_TOKEN });
  for (const { path, headers, body } of pushes) {
    const { status, text } = await rig.post(path, Buffer.from(body, "base64"), Object.fromEntries(headers));
    assert.ok(status >= 200 && status < 300, `${path} was answered ${status} ${text}`);
  }
  const events = await rig.read();
  assert.ok(events.every(({ timeMs }) => timeMs === RECORDED_TIME_S * 1000));
  return events.map(({ name, value }) => `${name.replaceAll("\0", " ")}=${value}`).sort();
}

/** The events of the recorded line, in the order of their names. */
function fieldsOf(prefix: string): string[] {
  return [`count ${LABELS}=3`, `f ${LABELS}=21.5`, `ok ${LABELS}=1`].map((event) => prefix + event);
}

Deno.test("Telegraf's outputs.influxdb, which asks for a database first, and outputs.http", async () => {
  assert.deepEqual(await eventsOf("/query"), []);
  assert.deepEqual(await eventsOf("/write"), [...fieldsOf("http.press."), ...fieldsOf("influxdb.press.")]);
});

Deno.test("Telegraf's outputs.influxdb_v2", async () => {
  assert.deepEqual(await eventsOf("/api/v2/write"), fieldsOf("influxdb_v2.press."));
});

Deno.test("Telegraf's outputs.http with JSON of our shape", async () => {
  assert.deepEqual(await eventsOf("/events"), [`json.press.f ${LABELS}=21.5`]);
});

Deno.test("Telegraf's outputs.http with Prometheus remote write", async () => {
  assert.deepEqual(await eventsOf("/api/v1/write"), fieldsOf("prometheus_press_"));
});

Deno.test("the collector of OpenTelemetry, in protobuf and JSON", async () => {
  const points = Array.from({ length: RECORDED_POINTS }, (_, i) => `press {"number":"${i}"}=${i + 0.5}`);
  assert.deepEqual(await eventsOf("/v1/metrics"), points.flatMap((point) => [point, point]));
});
