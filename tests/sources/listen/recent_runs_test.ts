import assert from "node:assert/strict";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { atOnce } from "../../../src/platform/clock/steps.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { splitArray } from "../../../src/bus/raw_events.ts";
import type { RecordFormat } from "../../../src/sources/listen/decoder.ts";
import { FormatReaders } from "../../../src/sources/listen/format_readers.ts";
import { Inbox } from "../../../src/sources/listen/inbox.ts";
import { InboxPartition } from "../../../src/sources/listen/inbox_partition.ts";
import { linesOf } from "../../../src/sources/listen/lines.ts";
import { RecentRuns } from "../../../src/sources/listen/recent_runs.ts";
import { RecordCheck } from "../../../src/sources/listen/record_check.ts";
import { contentOf } from "../../codec/mapping/read.ts";
import fc from "../../support/fast_check.ts";
import { temporaryDirectory } from "../../support/executable.ts";

const ARRIVED_MS = 1_700_000_000_000;
const READERS = new FormatReaders({});
const EVENTS = [
  { name: "a", value: 1, timestamp: 1_700_000_000 },
  { name: "ä", value: 2, timestamp: 1_700_000_001, id: "7", agg_func: "max" },
  { name: "a\n", value: 3, timestamp: 1_700_000_002, labels: { line: "4", site: "ö" }, id: "\u20ac" },
].map((event) => JSON.stringify(event));
const LINES = [
  "press,line=1 level=1.5,up=t 1700000000000000000",
  "press,line=1 level=2",
  "press,line=2 level=3i,temperature=4 1700000001000000000",
  "a\\ b,site=n\\,m level=5 1700000002000000000",
  'press,line=1 state="on, off",level=6 1700000003000000000',
  "press,line=3 level=7,level=x 1700000004000000000",
];

function runsOf(format: RecordFormat, records: readonly string[], check: RecordCheck, topic = "db") {
  const body = new TextEncoder().encode(
    format === "influx" ? records.join("\n") : `[${records.join(",")}]`,
  );
  const split = format === "influx" ? atOnce(linesOf(body, true)) : splitArray(body);
  const context = { topic, arrivedMs: ARRIVED_MS, busMs: ARRIVED_MS };
  const { runs } = atOnce(check.check(format, split, context));
  return { runs, free: () => void body.buffer.transfer(0) };
}

/** All that is in an inbox, in its order, read with a limit: batches may end elsewhere each time. */
async function contentsOf(inbox: Inbox, limit: number): Promise<[offset: number, content: unknown][]> {
  const partition = new InboxPartition(inbox, READERS, {
    clock: { ...systemClock, nowMs: () => ARRIVED_MS },
  });
  const all: [offset: number, content: unknown][] = [];
  for (let position = "0";;) {
    const batch = new EventBatch();
    const progress = { lineage: inbox.id, position, history: new LogHistory() };
    const request = { limit, waitMs: 0, isAfterRest: false };
    const outcome = await partition.read(progress, batch, request, new AbortController().signal);
    if (outcome.kind !== "events") return all.sort(([a], [b]) => a - b);
    const { events, invalid } = contentOf(batch);
    const before = Number(position);
    for (const [i, event] of events.entries()) all.push([before + batch.position[i]!, event]);
    for (const [i, refused] of invalid.entries()) all.push([before + batch.invalid[i]!.index, refused]);
    position = outcome.next!;
    batch.release();
  }
}

Deno.test("property: what was decoded for the answer is read as the file has it", async () => {
  const request = fc.oneof(
    fc.array(fc.constantFrom(...LINES), { minLength: 1, maxLength: 6 })
      .map((records) => ({ format: "influx" as const, records })),
    fc.array(fc.constantFrom(...EVENTS), { minLength: 1, maxLength: 6 })
      .map((records) => ({ format: "json" as const, records })),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { maxLength: 6 }),
      fc.constantFrom(2, 5, 100),
      async (requests, limit) => {
        await using directory = await temporaryDirectory();
        const open = () => Inbox.open(`${directory.path}/inbox.sqlite`, 1e6);
        const check = new RecordCheck(READERS);
        const inbox = open();
        for (const { format, records } of requests) {
          const { runs, free } = runsOf(format, records, check);
          await inbox.append(runs, ARRIVED_MS);
          free();
        }
        const recent = await contentsOf(inbox, limit);
        assert.deepEqual(await contentsOf(inbox, limit), recent, "a second time, from the file");
        inbox.close();
        const reopened = open();
        const stored = await contentsOf(reopened, limit);
        reopened.close();
        assert.deepEqual(stored, recent);
      },
    ),
    { numRuns: 25 },
  );
});

Deno.test("each record of a batch knows the topic of the request that brought it", async () => {
  await using directory = await temporaryDirectory();
  const inbox = Inbox.open(`${directory.path}/inbox.sqlite`, 1e6);
  const check = new RecordCheck(READERS);
  const topics = ["north", "north", "south", "south", "east"];
  for (const topic of new Set(topics)) {
    const records = topics.filter((each) => each === topic).map(() => LINES[1]!);
    const { runs, free } = runsOf("influx", records, check, topic);
    await inbox.append(runs, ARRIVED_MS);
    free();
  }
  const partition = new InboxPartition(inbox, READERS, { clock: systemClock });
  const batch = new EventBatch();
  const progress = { lineage: inbox.id, position: "0", history: new LogHistory() };
  const request = { limit: 100, waitMs: 0, isAfterRest: false };
  await partition.read(progress, batch, request, new AbortController().signal);
  assert.deepEqual(topics.map((_, position) => batch.originOf!(position).topic), topics);
  batch.release();
  inbox.close();
});

Deno.test("what is just committed is kept in bounded memory, and only where it was decoded", () => {
  const recent = new RecentRuns();
  const { runs: [run] } = runsOf("influx", Array(2000).fill(LINES[0]!), new RecordCheck(READERS));
  for (let first = 0; first < 1000; first++) recent.add({ ...run!, first, arrivedMs: ARRIVED_MS });
  assert.ok(recent.at(0) !== undefined && recent.at(999) === undefined);
  recent.deleteBefore(500);
  assert.ok(recent.at(0) === undefined && recent.at(499) === undefined);
  const stored = { ...run!, first: 999, arrivedMs: ARRIVED_MS };
  recent.add({ ...stored, decoded: undefined });
  assert.equal(recent.at(999), undefined);
  recent.add(stored);
  assert.deepEqual(recent.at(999)!.records.bytes, run!.records.bytes);
});
