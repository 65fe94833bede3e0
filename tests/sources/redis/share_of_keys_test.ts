import assert from "node:assert/strict";
import { createLogger } from "../../../src/platform/log/logger.ts";
import type { SourceContext } from "../../../src/contract/source.ts";
import { RedisStream } from "./redis_stream.ts";

/** The keys that an instance reads, and what it says of them. */
async function sharedOut(keys: readonly string[], index: number): Promise<[ids: string[], said: number]> {
  let said = 0;
  const logger = createLogger({ level: "warn", format: "text", write: () => void said++, now: () => 0 });
  const source = RedisStream.at(1, "").createSource({ keys, share: { index, count: 2 } });
  const partitions = await source.open(
    { resume: new Map(), logger } as Partial<SourceContext> as SourceContext,
  );
  await source.close();
  return [partitions.map(({ id }) => id), said];
}

Deno.test("instances share the keys of a source, and one that is left without says so", async () => {
  assert.deepEqual(await sharedOut(["a", "b", "c"], 0), [["a", "c"], 0]);
  assert.deepEqual(await sharedOut(["a", "b", "c"], 1), [["b"], 0]);
  assert.deepEqual(await sharedOut(["a"], 1), [[], 1]);
});
