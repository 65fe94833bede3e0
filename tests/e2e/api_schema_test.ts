/**
 * Schemathesis asks the API of a running handler what its OpenAPI document allows, and what it forbids. By
 * hand for longer: SCHEMATHESIS_SECONDS=120.
 */
import assert from "node:assert/strict";
import { schemathesis } from "../../scripts/schemathesis.ts";
import { Program, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { testSeed } from "../support/seed.ts";
import { Bus, handlerEnvironment } from "./plant.ts";

/** The run is cut off then, whatever it has come to. */
const SECONDS = Number(Deno.env.get("SCHEMATHESIS_SECONDS") ?? 10);
const TOKEN = "viewer-of-the-tests";

Deno.test("Schemathesis finds nothing in the API", async () => {
  const tool = await schemathesis();
  if (typeof tool === "string") {
    console.log(`left out: ${tool}`);
    return;
  }
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const address = `127.0.0.1:${freePort()}`;
  await using handler = Program.start(
    ["run"],
    handlerEnvironment(bus.url, directory.path, {
      HTTP_LISTEN: address,
      VIEWER_TOKEN: TOKEN,
      AGGREGATION_INTERVAL: "1,60",
      CHECKPOINT_INTERVAL: "0.1",
    }),
  );
  const time = Math.floor(Date.now() / 1000) - 600;
  await bus.publish([
    `{"name":"oven.temperature","value":181.5,"timestamp":${time},"labels":{"line":"4"}}`,
    `{"name":"oven.door","value":"open","timestamp":${time}}`,
  ]);
  const headers = { authorization: `Bearer ${TOKEN}` };
  await until(
    async () => {
      const reply = await fetch(`http://${address}/api/status`, { headers });
      const { accounting: { received, contributed, closed } } = await reply.json();
      return received === 2 && closed === contributed;
    },
    "closed windows",
    undefined,
    [handler],
  );
  const { success, stdout, stderr } = await new Deno.Command(tool.command, {
    args: [
      ...tool.args,
      ...["run", `http://${address}/api/openapi.json`, "--header", `Authorization: ${headers.authorization}`],
      // Streams do not end, and wrong tokens are answered slowly.
      ...["/api/stream", "/api/tap", "/api/session"].flatMap((path) => ["--exclude-path", path]),
      // A schema cannot say which cursors there are, and that "from" is before "to".
      ...["--exclude-checks", "positive_data_acceptance"],
      ...["--phases", "coverage,fuzzing", "--max-time", `${SECONDS}`, "--seed", `${testSeed(1)}`],
      ...["--suppress-health-check", "all", "--warnings", "off", "--no-color"],
    ],
    cwd: directory.path,
    env: { ...tool.env, HOME: directory.path },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout) + decoder.decode(stderr);
  assert.ok(success, said.slice(-6000));
  assert.match(said, /\d+ generated/);
});
