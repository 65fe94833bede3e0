/**
 * Schemathesis asks the API of a running handler what its OpenAPI document allows, and what it forbids: all
 * of it as a viewer, and the changes as an admin too. By hand for longer: SCHEMATHESIS_SECONDS=120.
 */
import assert from "node:assert/strict";
import { type Schemathesis, schemathesis } from "../../scripts/schemathesis.ts";
import { PATIENCE_MS, Program, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { testSeed } from "../support/seed.ts";
import { Bus, handlerEnvironment } from "./plant.ts";

/** Each of the runs is cut off then, whatever it has come to; where that is nothing, it gets more. */
const SECONDS = Number(Deno.env.get("SCHEMATHESIS_SECONDS") ?? 6);
const SECONDS_MAX = PATIENCE_MS / 1000;
const VIEWER = "viewer-of-the-tests";
const ADMIN = "admin-of-the-tests";

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
      VIEWER_TOKEN: VIEWER,
      ADMIN_TOKEN: ADMIN,
      AGGREGATION_INTERVAL: "1,60",
      CHECKPOINT_INTERVAL: "0.1",
    }),
  );
  const time = Math.floor(Date.now() / 1000) - 600;
  await bus.publish([
    `{"name":"oven.temperature","value":181.5,"timestamp":${time},"labels":{"line":"4"}}`,
    `{"name":"oven.door","value":"open","timestamp":${time}}`,
  ]);
  const books = async () => {
    const headers = { authorization: `Bearer ${VIEWER}` };
    return (await (await fetch(`http://${address}/api/status`, { headers })).json()).accounting;
  };
  await until(
    async () => {
      const { received, contributed, closed } = await books();
      return received === 2 && closed === contributed;
    },
    "closed windows",
    undefined,
    [handler],
  );
  await assertNothingFound(tool, address, directory.path, VIEWER, []);
  // What a viewer may ask was asked. The orders are given, as far as one can be made up from the schema.
  const changes = ["POST", "PUT", "PATCH", "DELETE"].flatMap((method) => ["--include-method", method]);
  await assertNothingFound(tool, address, directory.path, ADMIN, changes);
  assert.equal((await books()).received, 2, "the handler is there, and has its books");
});

/** @param options Further options of the run. */
async function assertNothingFound(
  tool: Schemathesis,
  address: string,
  directory: string,
  token: string,
  options: readonly string[],
): Promise<void> {
  const decoder = new TextDecoder();
  for (let seconds = SECONDS;; seconds *= 2) {
    const { success, stdout, stderr } = await new Deno.Command(tool.command, {
      args: [
        ...tool.args,
        ...["run", `http://${address}/api/openapi.json`, "--header", `Authorization: Bearer ${token}`],
        ...options,
        // Streams do not end, and wrong tokens are answered slowly.
        ...["/api/stream", "/api/tap", "/api/session"].flatMap((path) => ["--exclude-path", path]),
        // A schema cannot say which cursors there are, and that "from" is before "to".
        ...["--exclude-checks", "positive_data_acceptance"],
        ...["--phases", "coverage,fuzzing", "--max-time", `${seconds}`, "--seed", `${testSeed(1)}`],
        ...["--suppress-health-check", "all", "--warnings", "off", "--no-color"],
      ],
      cwd: directory,
      env: { ...tool.env, HOME: directory },
      stdin: "null",
    }).output();
    const said = decoder.decode(stdout) + decoder.decode(stderr);
    // On a busy machine the time may be over before the first question.
    if (seconds < SECONDS_MAX && said.includes("No test cases were generated")) continue;
    assert.ok(success, said.slice(-6000));
    assert.match(said, /\d+ generated/);
    return;
  }
}
