/** Several instances that share buses, with the built program: which one reads what, and what is refused. */
import assert from "node:assert/strict";
import { runToEnd, temporaryDirectory } from "../support/executable.ts";
import { Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

const BASE = 1_700_000_000;

Deno.test("URLs are shared, and another count is refused until an operator has moved them", async () => {
  await using stack = new AsyncDisposableStack();
  const directories: { path: string }[] = [];
  for (let i = 0; i < 3; i++) directories.push(stack.use(await temporaryDirectory()));
  const buses = [stack.use(await Bus.start()), stack.use(await Bus.start())];
  for (const [i, bus] of buses.entries()) {
    await bus.publish([JSON.stringify({ name: `bus${i}`, value: 1, timestamp: BASE })]);
  }
  const url = buses.map((bus) => bus.url).join(",");
  const share = (index: number, count: string) =>
    handlerEnvironment(url, directories[index]!.path, {
      STORAGE_TYPE: "sqlite",
      INSTANCE_ID: `plant-${index}`,
      INSTANCE_COUNT: count,
      INSTANCE_INDEX: `${index}`,
    });
  for (const index of [0, 1]) {
    const once = await runToEnd(["once", "--flush"], share(index, "2"));
    assert.equal(once.code, 0, once.stderr);
    const rows = await sqliteSink(sqlitePath(directories[index]!.path)).rows();
    assert.deepEqual(rows.map(({ name, instance }) => [name, instance]), [[`bus${index}`, `plant-${index}`]]);
  }
  const refused = await runToEnd(["once"], share(0, "1"));
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /is that of instance 0 of 2, and INSTANCE_COUNT is 1: buses would move/);
  const { INSTANCE_COUNT: _, INSTANCE_INDEX: __, ...alone } = share(0, "2");
  const unset = await runToEnd(["once"], alone);
  assert.equal(unset.code, 2, unset.stderr);
  assert.match(unset.stderr, /INSTANCE_COUNT is not set: this handler would read what others read/);
  const other = await runToEnd(["once"], {
    ...share(0, "2"),
    INSTANCE_ID: "plant-0",
    INSTANCE_INDEX: "1",
    INSTANCE_GROUP: "plant",
  });
  assert.match(
    other.stderr,
    /is that of instance 0 of 2, and INSTANCE_INDEX is 1: an instance keeps its number/,
  );
  const moved = await runToEnd(["once", "--take-over"], share(0, "1"));
  assert.equal(moved.code, 0, moved.stderr);
  const kept = await runToEnd(["once"], share(0, "1"));
  assert.equal(kept.code, 0, kept.stderr);
  // Whether the state was that of an instance or not.
  for (const settings of [alone, handlerEnvironment(url, directories[2]!.path)]) {
    const meaningless = await runToEnd(["once", "--take-over"], settings);
    assert.equal(meaningless.code, 2, meaningless.stderr);
    assert.match(
      meaningless.stderr,
      /^--take-over takes what INSTANCE_COUNT and INSTANCE_INDEX say, and neither is set/m,
    );
  }
});
