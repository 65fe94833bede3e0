import assert from "node:assert/strict";
import { SourceError } from "../../../src/contract/source.ts";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { GroupCommits } from "../../../src/sources/kafka/group_commits.ts";
import type { GroupOffsets } from "../../../src/sources/kafka/group_offsets.ts";
import { loggerTo } from "../../support/logs.ts";

const OF = { topic: "t", partition: 0 };

Deno.test("offsets that cannot be committed are told once, until a commit succeeds, and not at the end", async () => {
  const lines: string[] = [];
  const logger = loggerTo(lines, "warn");
  let isAway = true;
  const committed: unknown[] = [];
  const offsets = {
    group: "g",
    commit: (some: unknown) => {
      if (isAway) return Promise.reject(new SourceError("unavailable", "nobody there"));
      committed.push(some);
      return Promise.resolve();
    },
  } as unknown as GroupOffsets;
  // It commits by itself only as long as its signal has not fired.
  const over = AbortSignal.abort();
  const commits = new GroupCommits("kafka://bus/t", offsets, systemClock, logger, over);
  const commit = async (offset: number, signal: AbortSignal) => {
    commits.note(OF, offset);
    await commits.commit(signal);
  };
  const { signal } = new AbortController();
  await commit(1, over);
  assert.deepEqual(lines, [], "what ends is not told");
  isAway = false;
  await commit(2, signal);
  isAway = true;
  for (const offset of [3, 4]) await commit(offset, signal);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /could not be committed to the group.*nobody there/);
  isAway = false;
  for (const offset of [5, 6]) await commit(offset, signal);
  await commits.commit(signal);
  assert.deepEqual(committed, [2, 5, 6].map((offset) => [{ ...OF, offset }]));
  isAway = true;
  await commit(7, signal);
  assert.equal(lines.length, 2);
});
