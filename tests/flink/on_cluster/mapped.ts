/** Records of other systems on a real Flink: part of `make test-flink`, which takes minutes. */
import assert from "node:assert/strict";
import { postgresSink } from "../../e2e/plant.ts";
import { KafkaTopic } from "../../sources/kafka/kafka_topic.ts";
import { assertEqualRows } from "../equality.ts";
import { publish, run, Site } from "../site.ts";

/** Texts of `EVENT_TIME_UNIT=rfc3339`, all of one hour by the reading of who passes over what is wrong. */
const RIGHT = [
  "2026-03-02T10:10:00Z",
  "2026-03-02t10:11:00.5z",
  "2026-03-02 10:12:00.000999Z",
  "2026-03-02T15:43:00+05:30",
  "2026-03-02T06:44:00-03:30",
  "2026-03-02T10:29:60Z",
  "2026-03-03T09:40:00+23:30",
];
const WRONG = [
  "2026-02-30T10:30:00Z",
  "2026-03-02T09:99:00Z",
  "2026-03-02T10:40:61Z",
  "2026-03-01T34:41:00Z",
  "2026-03-03T10:40:00+24:00",
  "2026-03-02T10:40:00",
  "2026-03-02T10:40Z",
  "2026-13-02T10:40:00Z",
  "2026-00-02T10:40:00Z",
  "2026-03-00T10:40:00Z",
  "1969-12-31T23:59:59Z",
  "yesterday",
];
const MAPPING = {
  EVENT_NAME: "{/meta/machine}",
  EVENT_VALUE: "/value",
  EVENT_TIMESTAMP: "/at",
  EVENT_TIME_UNIT: "rfc3339",
  EVENT_LABELS: "line:/line",
  AGGREGATION_INTERVAL: "3600",
  ALLOWED_LATENESS: "86400",
  AGG_FUNCTIONS: "*=sum,min,last",
};

Deno.test("a mapped record counts where and when it does for the handler, and so does one that is refused", async () => {
  await using site = await Site.start();
  const bus = await KafkaTopic.create(site.brokers, 1);
  const texts = [...RIGHT, ...WRONG];
  await publish(
    bus,
    texts.map((at, i) => ({
      key: "",
      value: JSON.stringify({ at, value: 2 ** i, line: `${i % 2}`, meta: { machine: "press" } }),
      partition: 0,
    })),
  );
  const environment = { ...site.environment(bus.url, "of-handler"), ...MAPPING, STORAGE_TYPE: "postgres" };
  await run(["once", "--flush"], environment);
  const job = { ...environment, INSTANCE_ID: "of-flink", STATE_DIR: `${site.directory}/of-flink` };
  const id = await run(["flink", "--once", "--submit", site.flink.gatewayUrl], job);
  await site.jobs.finished(id);
  const rows = await postgresSink(site.postgresUrl, "of_handler").rows();
  const ofJob = rows.filter(({ instance }) => instance === "of-flink.flink");
  const ofHandler = rows.filter(({ instance }) => instance === "of-handler");
  const taken = ofHandler.filter(({ aggFunc }) => aggFunc === "sum").reduce((sum, row) => sum + row.value, 0);
  assert.equal(taken, 2 ** RIGHT.length - 1, "the handler takes the right ones, and no other");
  assertEqualRows(ofJob, ofHandler);
});
