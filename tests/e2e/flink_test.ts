/** `flink`, `flink check` and `flink --submit` of the built program, against a gateway without a cluster. */
import assert from "node:assert/strict";
import { MarkdownPage } from "../../scripts/markdown_page.ts";
import { FakeGateway } from "../flink/fake_gateway.ts";
import { Program, runToEnd, temporaryDirectory } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment } from "./plant.ts";
import { runShell } from "./shell.ts";

const SETTINGS = {
  STORAGE_TYPE: "kafka,postgres",
  KAFKA_BOOTSTRAP_SERVERS: "broker1:9092",
  POSTGRES_CONNECTION_STRING: "postgres://vabus:s3cr3t@db/plant",
  VABUS_URL: "kafka://broker1:9092/readings",
  INSTANCE_ID: "plant7",
};
const JDBC_DRIVER = "org.postgresql.Driver";

Deno.test("the commands at the beginning of docs/flink.md do what it says", async () => {
  await using directory = await temporaryDirectory();
  await using gateway = new FakeGateway();
  const page = new MarkdownPage(await Deno.readTextFile(new URL("../../docs/flink.md", import.meta.url)));
  const commands = page.fences[0]!.text.replaceAll("http://gateway:8083", gateway.url);
  assert.match(commands, /flink > job\.sql[\s\S]*flink check[\s\S]*--submit/);
  const { code, stdout, stderr } = await runShell(`set -eu\n${commands}`, directory.path, {});
  assert.equal(code, 0, stderr + stdout);
  assert.match(await Deno.readTextFile(`${directory.path}/job.sql`), /CREATE TEMPORARY TABLE `bus_1`/);
  const lines = stdout.trim().split("\n");
  assert.deepEqual(lines.slice(0, -1).map((line) => line.slice(0, 8)), [
    "ok      ",
    "ok      ",
    "ok      ",
    "ok      ",
  ]);
  assert.match(lines.at(-1)!, /^[0-9a-f]{32}$/, "the id of the job");
  assert.ok(gateway.statements.includes("SET 'parallelism.default' = '4'"));
});

Deno.test("flink check names each jar that is missing, and the cluster that is away", async () => {
  await using gateway = new FakeGateway({
    missing: [JDBC_DRIVER, "org.apache.flink.streaming.connectors.kafka.table.KafkaDynamicTableFactory"],
    isAlone: true,
  });
  const { code, stdout } = await runToEnd(["flink", "check", "--gateway", gateway.url], SETTINGS);
  assert.equal(code, 1, stdout);
  assert.deepEqual(
    stdout.split("\n").filter((line) => line.startsWith("FAILED")).map((line) => line.slice(8)),
    [
      "flink-sql-connector-kafka is missing: put it into Flink's lib, and start cluster and gateway again",
      "postgresql (the JDBC driver) is missing: put it into Flink's lib, and start cluster and gateway again",
      "cluster: the gateway does not reach it: Failed to list jobs in the cluster. Is the JobManager up, " +
      "and does rest.address in the gateway's conf/config.yaml lead to it?",
    ],
  );
  assert.equal(gateway.statements.some((statement) => statement.startsWith("EXECUTE")), false);
  assert.equal(gateway.openSessions, 0);
});

Deno.test("flink --submit says what Flink refuses, and that nobody answers", async () => {
  await using gateway = new FakeGateway({ isAlone: true });
  const refused = await runToEnd(["flink", "--submit", gateway.url], SETTINGS);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Flink refuses the job: Failed to list jobs in the cluster\..*flink check/);
  const nobody = await runToEnd(["flink", "--submit", `http://127.0.0.1:${freePort()}`], SETTINGS);
  assert.equal(nobody.code, 75);
  assert.match(nobody.stderr, /No SQL gateway answers at http:\/\/127\.0\.0\.1:\d+/);
  for (const { stdout, stderr } of [refused, nobody]) {
    assert.equal(stdout, "");
    assert.doesNotMatch(stderr, /s3cr3t|\n +at /);
  }
});

Deno.test("flink --from-state refuses what the job would not have, or have twice", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const handler = handlerEnvironment(bus.url, directory.path, { AGGREGATION_INTERVAL: "86400" });
  const stateDir = handler.STATE_DIR!;
  const refusal = async (more: Record<string, string>, ...states: string[]) => {
    const args = ["flink", ...states.flatMap((state) => ["--from-state", state])];
    const { code, stdout, stderr } = await runToEnd(args, { ...SETTINGS, ...more });
    assert.notEqual(code, 0);
    assert.equal(stdout, "");
    assert.doesNotMatch(stderr, /\n +at /);
    return stderr;
  };
  assert.match(await refusal({}, `${directory.path}/none`), /none/);
  {
    await using running = Program.start(["run"], handler);
    await running.says(/"started"/);
    assert.match(await refusal({}, stateDir), /still has a handler that runs on it.*once --flush/);
    assert.equal(await running.stop(), 0);
  }
  await bus.publish([`{"name":"a","value":1,"timestamp":${Math.floor(Date.now() / 1000)}}`]);
  assert.equal((await runToEnd(["once"], handler)).code, 0);
  assert.match(await refusal({}, stateDir), /still has open windows \(1\)/);
  assert.equal((await runToEnd(["once", "--flush"], handler)).code, 0);
  assert.match(
    await refusal({}, stateDir),
    /does not know the bus kafka:\/\/broker1:9092\/readings; it knows http:/,
  );
  const one = { INSTANCE_COUNT: "2", INSTANCE_INDEX: "0", INSTANCE_GROUP: "plant" };
  assert.match(
    await refusal(one, stateDir),
    /INSTANCE_COUNT is 2, and --from-state names 1: .*of each instance/,
  );
  assert.match(await refusal(one, stateDir, stateDir), /names 1:/);
});
