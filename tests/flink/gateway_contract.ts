/** What the commands rely on of an SQL gateway. The fake and a real one are held to the same. */
import assert from "node:assert/strict";
import { examineCluster } from "../../src/flink/cluster_examination.ts";
import { SqlGateway } from "../../src/flink/sql_gateway.ts";
import { systemClock } from "../../src/platform/clock/clock.ts";
import { jobOf, LEAST } from "./job.ts";

const SURROUNDINGS = { signal: new AbortController().signal, clock: systemClock, wait: () => {} };
const WITH_POSTGRES = {
  ...LEAST,
  STORAGE_TYPE: "kafka,postgres",
  POSTGRES_CONNECTION_STRING: "postgres://u:pw1@127.0.0.1/plant",
};
/** A class of the JDBC driver: the gateway of the contract is without its jar. */
export const MISSING_CLASS = "org.postgresql.Driver";
/** The end of the name of that jar. */
export const MISSING_JAR = /\/postgresql-[\d.]+\.jar$/;

/** @param url Of a gateway without {@link MISSING_JAR}, and with all others. */
export async function assertGatewayContract(url: string): Promise<void> {
  await using gateway = await SqlGateway.open(url, SURROUNDINGS);
  assert.match(await gateway.version(), /^Apache Flink 2\.2\.\d+$/);
  assert.equal((await gateway.run("SET 'pipeline.name' = 'contract'")).jobId, undefined);
  await assert.rejects(gateway.run("NONSENSE"), (error: Error & { kind?: string }) => {
    assert.equal(error.kind, "refused");
    assert.match(error.message, /^Non-query expression/);
    assert.doesNotMatch(error.message, /\n|\bat org\./, "no stack trace");
    return true;
  });
  const findings: string[] = [];
  for await (const { isWell, words } of examineCluster(gateway, jobOf(WITH_POSTGRES).job)) {
    findings.push(`${isWell ? "ok" : "FAILED"} ${words}`);
  }
  assert.deepEqual(findings.filter((line) => line.startsWith("FAILED")), [
    "FAILED postgresql (the JDBC driver) is missing: put it into Flink's lib, and start cluster and " +
    "gateway again",
  ]);
  const planned: string[] = [];
  for await (const { words } of examineCluster(gateway, jobOf(LEAST).job)) planned.push(words);
  assert.equal(planned.at(-1), "the job: planned");
  await gateway[Symbol.asyncDispose]();
  await assert.rejects(gateway.run("SHOW JOBS"), { kind: "refused", message: /does not exist/ });
}
