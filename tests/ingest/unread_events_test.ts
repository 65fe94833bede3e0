import assert from "node:assert/strict";
import { UnreadEvents } from "../../src/ingest/unread_events.ts";
import { loggerTo } from "../support/logs.ts";

function newUnread(lostBefore = 0): { readonly unread: UnreadEvents; readonly lines: string[] } {
  const lines: string[] = [];
  const logger = loggerTo(lines, "info");
  return { unread: new UnreadEvents(() => lostBefore, logger), lines };
}

Deno.test("what an operator gives up is lost, and the order is kept where it has an author", () => {
  const { lines, unread } = newUnread(100);
  unread.giveUp("north", 10, 25, 7, "anna");
  unread.giveUp("south", 0, 1, 8, undefined);
  const order = { who: "anna", atMs: 7, action: "--skip-to", detail: "north=25" };
  assert.deepEqual(unread.sinceCheckpoint, {
    lost: 16,
    skipped: 16,
    doubtful: 0,
    resets: 0,
    orders: [[order, "15 events given up"]],
  });
  assert.equal(unread.lostInAll, 116);
  assert.equal(lines.length, 2);
  assert.match(lines[0]!, /given up .*bus="north" from=10 to=25/);
});

Deno.test("what a bus no longer has is lost, and said with the sum; nothing is said of nothing", () => {
  const { lines, unread } = newUnread(3);
  unread.countLost({ bus: "north" }, 0);
  unread.countLost({ bus: "north" }, 4);
  unread.countDoubtful(5);
  unread.countDoubtful(6);
  assert.deepEqual(unread.sinceCheckpoint, { lost: 4, skipped: 0, doubtful: 11, resets: 0, orders: [] });
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /bus="north" events=4 in_all=7/);
  unread.committed();
  assert.deepEqual(unread.sinceCheckpoint, { lost: 0, skipped: 0, doubtful: 0, resets: 0, orders: [] });
});

Deno.test("no count of lost events leaves the numbers that are exact", () => {
  const { unread } = newUnread(10);
  for (let i = 0; i < 2; i++) unread.countLost({}, Number.MAX_SAFE_INTEGER);
  assert.equal(unread.lostInAll, Number.MAX_SAFE_INTEGER);
});
