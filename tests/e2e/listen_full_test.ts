/** A built program that has no room for what is pushed to it, and a sender that sends again. */
import assert from "node:assert/strict";
import { SmallDisk } from "../chaos/small_disk.ts";
import { PATIENCE_MS, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { Listener } from "./listener.ts";
import { sqlitePath, sqliteSink } from "./plant.ts";
import { assertProven } from "./proof.ts";

const REQUESTS = 16;
const LINES_EACH = 10;
/** Room for four requests. */
const INBOX_MAX_BYTES = "4000";

/** Requests that are sent at once, each again until it is taken. Returns how often one was refused. */
async function pushAll(listener: Listener, refusal: number): Promise<number> {
  const timeNs = `${Math.floor(Date.now() / 1000) - 3600}000000000`;
  let refused = 0;
  const push = async (number: number) => {
    const body = `r${number} f=1,text="${"x".repeat(20)}" ${timeNs}\n`.repeat(LINES_EACH);
    const isTaken = async () => {
      const { status, text } = await listener.post("/write", body);
      if (status === 204) return true;
      assert.equal(status, refusal, text);
      refused++;
      return false;
    };
    await until(isTaken, "an answer", PATIENCE_MS, [listener.program]);
  };
  await Promise.all(Array.from({ length: REQUESTS }, (_, number) => push(number)));
  return refused;
}

async function assertOnceEach(listener: Listener, directory: string): Promise<void> {
  await listener.program.stop();
  const { code, stderr } = await runToEnd(["once", "--flush"], listener.environment);
  assert.equal(code, 0, stderr);
  await assertProven(listener.environment);
  const rows = (await sqliteSink(sqlitePath(directory)).rows()).filter(({ name }) => name.startsWith("r"));
  assert.deepEqual(
    rows.map(({ name, count }) => [name, count]).sort(),
    Array.from({ length: REQUESTS }, (_, number) => [`r${number}.f`, LINES_EACH]).sort(),
  );
}

Deno.test("a full inbox refuses, and a sender that sends again until it is taken loses and doubles nothing", async () => {
  await using directory = await temporaryDirectory();
  await using listener = await Listener.start(directory.path, { INBOX_MAX_BYTES });
  assert.ok(await pushAll(listener, 429) > 0);
  await assertOnceEach(listener, directory.path);
});

const obstacle = SmallDisk.obstacle();
if (obstacle !== undefined) console.error(`Without a full disk: ${obstacle}`);

Deno.test({
  name: "a full disk refuses, and a sender that sends again until it is taken loses and doubles nothing",
  ignore: obstacle !== undefined,
  async fn() {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/disk`;
    await Deno.mkdir(path);
    await using disk = SmallDisk.mount(path);
    await using listener = await Listener.start(path);
    disk.fill();
    let sent = 0;
    const isRefused = async () => {
      const { status } = await listener.post("/write", `before f=1 ${++sent}\n`.repeat(20_000));
      return status === 503;
    };
    await until(isRefused, "a refusal", PATIENCE_MS, [listener.program]);
    const pushing = pushAll(listener, 503);
    disk.free();
    await pushing;
    await assertOnceEach(listener, path);
  },
});
