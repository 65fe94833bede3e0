/** The commands of docs/flink.md as they stand there, in one shell: part of `make test-flink`. */
import assert from "node:assert/strict";
import { MarkdownPage } from "../../../scripts/markdown_page.ts";
import { javaBinary } from "../../../scripts/servers.ts";
import { runShell } from "../../e2e/shell.ts";
import { latestRows, readTopic } from "../../e2e/topic.ts";
import { KafkaTopic } from "../../sources/kafka/kafka_topic.ts";
import { recentBaseMs } from "../../support/event_stream.ts";
import { temporaryDirectory, until } from "../../support/executable.ts";
import { startKafka } from "../../support/kafka_broker.ts";
import { committedOffsets, endOffsets } from "../offsets.ts";
import { FlinkJobs } from "../flink_jobs.ts";
import { layOutRelease } from "../release.ts";

const OUTPUT = "documented";
const GROUP = "vabus-data-handler_source.plant7.flink";

/**
 * What an operator does between the commands, as routes of the test: `$TEST/send` sends an event. What an
 * operator looks at until it is so, waits.
 */
const STAND_INS = `
set -eu
ask() { command curl -fsS "$TEST/$1"; }
kafka-consumer-groups.sh() {
  test "$*" = "--bootstrap-server $BROKER --describe --group ${GROUP}"
  ask wait-for-lag
}
vabus-data-handler() {
  if test "$1" != run; then command vabus-data-handler "$@"; return; fi
  command vabus-data-handler "$@" &
  ask wait-for-rows
  kill $!
  wait $!
}
trap 'bin/sql-gateway.sh stop; bin/stop-cluster.sh' EXIT
`;

Deno.test("the commands of docs/flink.md do what it says, from the cluster to the way back", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const [use, cluster, flush, over, lag, stop, back, ...others] = await commandsOf("docs/flink.md");
  assert.deepEqual(others, [], "each of the commands has its place below");
  const { functions, ports } = await layOutRelease(path);
  const kafka = await startKafka();
  try {
    const [broker] = kafka.brokers as [string];
    const topic = await KafkaTopic.create(kafka.brokers);
    const timestamp = recentBaseMs(60_000, 6) / 1000;
    const jobs = new FlinkJobs(`http://127.0.0.1:${ports.rest}`);
    const routes: Record<string, () => Promise<unknown>> = {
      send: () => topic.send([{ value: JSON.stringify({ name: "a", value: 1, timestamp }) }]),
      "wait-for-cluster": () => until(() => isUp(ports), "the cluster"),
      "cancel-all": () => jobs.cancelAll(),
      "wait-for-lag": () =>
        until(
          async () => await committedOffsets(kafka.brokers, GROUP, topic.name) === await endOffsets(topic),
          "the group at the end of the topic",
        ),
      "wait-for-rows": () =>
        until(
          async () => (await readTopic(kafka.brokers, OUTPUT)).length >= 3,
          "the row of the last handler",
        ),
    };
    await using test = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      await routes[new URL(request.url).pathname.slice(1)]!();
      return new Response();
    });
    const script = [
      ...[STAND_INS, functions, cluster, "ask wait-for-cluster", use, "ask cancel-all"],
      ...["ask send", flush, over, "ask send", lag, stop, "ask send", back],
    ].join("\n")
      .replaceAll("broker1:9092,broker2:9092/readings", `${broker}/${topic.name}`)
      .replaceAll("broker1:9092", broker)
      .replaceAll("http://gateway:8083", `http://127.0.0.1:${ports.gateway}`)
      .replaceAll("/var/lib/vabus-data-handler", `${path}/state`)
      .replaceAll("/srv/flink/stops", `${path}/stops`);
    const { code, stdout, stderr } = await runShell(script, path, {
      TEST: `http://127.0.0.1:${test.addr.port}`,
      BROKER: broker,
      JAVA_HOME: (await javaBinary()).replace(/\/bin\/java$/, ""),
      FLINK_PID_DIR: path,
      INSTANCE_ID: "plant7",
      STATE_DIR: `${path}/state`,
      KAFKA_TOPIC: OUTPUT,
      AGGREGATION_INTERVAL: "60",
      AGG_FUNCTIONS: "*=count",
      HTTP_LISTEN: "off",
      IDLE_TIMEOUT: "1",
      METRICS_INTERVAL: "0",
    });
    assert.equal(code, 0, stderr + stdout);
    const rows = latestRows(await readTopic(kafka.brokers, OUTPUT));
    assert.deepEqual(
      rows.map(({ instance, value }) => `${instance}: ${value}`).sort(),
      ["plant7-2: 1", "plant7.flink: 1", "plant7: 1"],
    );
  } finally {
    await kafka.remove();
  }
});

async function isUp(
  { gateway, rest }: { readonly gateway: number; readonly rest: number },
): Promise<boolean> {
  const info = await fetch(`http://127.0.0.1:${gateway}/v1/info`);
  await info.body?.cancel();
  const overview = await (await fetch(`http://127.0.0.1:${rest}/overview`)).json();
  return info.ok && overview["slots-total"] > 0;
}

/** The commands of a page that its marks do not exclude, fence by fence. */
async function commandsOf(path: string): Promise<string[]> {
  const page = new MarkdownPage(await Deno.readTextFile(new URL(`../../../${path}`, import.meta.url)));
  return page.fences.filter(({ language, mark }) => language === "sh" && mark === "").map(({ text }) => text);
}
