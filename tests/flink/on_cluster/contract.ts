/** A real gateway, held to what the commands rely on: part of `make test-flink`. */
import assert from "node:assert/strict";
import { runToEnd } from "../../support/executable.ts";
import { FlinkCluster } from "../../support/flink_cluster.ts";
import { assertGatewayContract, MISSING_JAR } from "../gateway_contract.ts";
import { LEAST } from "../job.ts";

Deno.test("a real gateway is as the commands expect it, and as their fake", async (t) => {
  await using cluster = await FlinkCluster.start({ without: MISSING_JAR });
  await t.step("the contract", () => assertGatewayContract(cluster.gatewayUrl));
  await t.step("without a JobManager, both commands end and say so", async () => {
    await cluster.jobManager.kill();
    const check = await runToEnd(["flink", "check", "--gateway", cluster.gatewayUrl], LEAST);
    assert.equal(check.code, 1, check.stdout + check.stderr);
    assert.match(check.stdout, /^FAILED {2}cluster: the gateway does not reach it: /m);
    const submit = await runToEnd(["flink", "--submit", cluster.gatewayUrl], LEAST);
    assert.ok([1, 75].includes(submit.code), submit.stderr);
    assert.match(submit.stderr, /flink check/);
  });
});
