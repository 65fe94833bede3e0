import assert from "node:assert/strict";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { compareAggregates } from "../../src/control/aggregate_order.ts";
import {
  type AggregatesPage,
  type AggregatesQuestion,
  searchAggregates,
} from "../../src/control/aggregate_search.ts";
import type { RowsOfSink, SinkRows } from "../../src/control/sink_rows.ts";
import { StateViews } from "../../src/control/state_views.ts";
import type { SoughtRows } from "../../src/contract/read_back.ts";
import { Inside } from "../state/inside.ts";

const NOW_MS = 10_000_000;
const TIERS = [1000, 5000].map((lengthMs) => ({ lengthMs, hopMs: lengthMs }));

/** A sink with rows, of which it finds a window at a time. */
class Rows {
  asked = 0;
  lack: string | undefined;

  constructor(readonly rows: Aggregate[] = []) {}

  rowsOf(_instance: string, { name, fromMs, untilMs }: SoughtRows): Promise<RowsOfSink> {
    this.asked++;
    if (this.lack !== undefined) {
      return Promise.resolve({ aggregates: [], reachedMs: untilMs, sink: undefined, lack: this.lack });
    }
    const found = this.rows.filter((row) =>
      row.name === name && row.windowStartMs >= fromMs && row.windowStartMs < untilMs
    ).sort(compareAggregates);
    const startMs = found[0]?.windowStartMs;
    return Promise.resolve({
      aggregates: found.filter((row) => row.windowStartMs === startMs),
      reachedMs: startMs === undefined ? untilMs : startMs + 1,
      sink: "history",
      lack: undefined,
    });
  }
}

async function withState(
  work: (
    inside: Inside,
    ask: (part?: Partial<AggregatesQuestion>) => Promise<AggregatesPage>,
  ) => Promise<void>,
  rows = new Rows(),
): Promise<void> {
  const directory = Deno.makeTempDirSync();
  const inside = new Inside(directory, { tiers: TIERS });
  const views = new StateViews(directory);
  const usual = {
    name: "a",
    labels: {},
    aggFunc: undefined,
    fromMs: 0,
    untilMs: 100_000,
    lengthMs: undefined,
    hasCorrections: false,
    limit: 100,
    after: undefined,
  };
  try {
    await work(
      inside,
      (part) => searchAggregates(views, rows as unknown as SinkRows, { ...usual, ...part }, NOW_MS),
    );
  } finally {
    inside.state.close();
    Deno.removeSync(directory, { recursive: true });
  }
}

const short = ({ windowStartMs, windowEndMs, value, revision, labels = "" }: Aggregate) =>
  `${windowStartMs / 1000}+${(windowEndMs - windowStartMs) / 1000}=${value}r${revision}${labels}`;

/** All pages of a question. */
async function pagesOf(
  ask: (part?: Partial<AggregatesQuestion>) => Promise<AggregatesPage>,
  part: Partial<AggregatesQuestion>,
): Promise<Aggregate[]> {
  const all: Aggregate[] = [];
  for (let after: AggregatesQuestion["after"], pages = 0; pages < 200; pages++) {
    const page = await ask({ ...part, after });
    assert.ok(page.aggregates.length <= (part.limit ?? 100));
    all.push(...page.aggregates);
    if (page.next === undefined) return all;
    after = page.next;
  }
  return assert.fail("the pages do not end");
}

Deno.test("a name of equal characters is found where the archive has no other", async () => {
  await withState(async (inside, ask) => {
    for (const timestamp of [3, 3.5]) {
      inside.take([{ name: "xx", value: 1, timestamp }, {
        name: "xx",
        value: 1,
        timestamp,
        agg_func: "max",
      }]);
      inside.save(true);
    }
    const found = await ask({ name: "xx", lengthMs: 1000 });
    assert.deepEqual(found.aggregates.map(short), ["3+1=1r1", "3+1=2r1"]);
    assert.deepEqual((await ask({ name: "x" })).aggregates, []);
  });
});

Deno.test("aggregates of the archive: by tier, function and labels, in the order of their windows, final or all revisions", async () => {
  await withState(async (inside, ask) => {
    inside.take([
      { name: "a", value: 1, timestamp: 3 },
      { name: "a", value: 2, timestamp: 4, labels: { line: "7", site: "n" } },
      { name: "ab", value: 9, timestamp: 4 },
      { name: "a", value: 3, timestamp: 4, agg_func: "max" },
    ]);
    inside.save(true);
    inside.take([{ name: "a", value: 10, timestamp: 3.5 }]);
    inside.save(true);
    const line = '{"line":"7","site":"n"}';
    const all = ["0+5=11r1", "0+5=3r0", `0+5=2r0${line}`, "3+1=11r1", "4+1=3r0", `4+1=2r0${line}`];
    const found = async (part: Partial<AggregatesQuestion>) => (await ask(part)).aggregates.map(short);
    assert.deepEqual((await found({})).sort(), [...all].sort());
    assert.deepEqual(await found({ lengthMs: 1000, aggFunc: "sum" }), ["3+1=11r1", `4+1=2r0${line}`]);
    assert.deepEqual(await found({ lengthMs: 1000, labels: { site: "n" } }), [`4+1=2r0${line}`]);
    assert.deepEqual(await found({ lengthMs: 1000, labels: { site: "s" } }), []);
    assert.deepEqual(await found({ lengthMs: 1000, aggFunc: "max" }), ["4+1=3r0"]);
    assert.deepEqual(await found({ lengthMs: 1000, untilMs: 4000 }), ["3+1=11r1"]);
    assert.deepEqual(await found({ fromMs: 3001 }), ["4+1=3r0", `4+1=2r0${line}`]);
    assert.deepEqual(await found({ lengthMs: 1000, hasCorrections: true, untilMs: 4000 }), [
      "3+1=1r0",
      "3+1=11r1",
    ]);
    await assert.rejects(
      found({ lengthMs: 7000 }),
      /there are no windows of 7 s\. There are, in seconds: 1, 5$/,
    );
  });
});

Deno.test("pages of any size together are the whole, from the archive and from a sink", async () => {
  const rows = new Rows();
  await withState(async (inside, ask) => {
    const events = Array.from({ length: 40 }, (_, i) => ({
      name: "a",
      value: i,
      timestamp: 20 + (i % 13),
      labels: { n: `${i % 3}` },
    }));
    inside.take(events);
    inside.save(true);
    const [{ aggregates: [one] }] = [await ask({ limit: 1 })];
    for (let second = 0; second < 20; second++) {
      const windowStartMs = second * 1000;
      rows.rows.push({ ...one!, windowStartMs, windowEndMs: windowStartMs + 1000, value: second });
    }
    // The archive has this window too, with other numbers.
    rows.rows.push({ ...one!, value: 999 });
    const whole = await pagesOf(ask, { limit: 10_000 });
    assert.equal(whole.filter(({ value }) => value === 999).length, 0, "the archive goes before");
    assert.deepEqual(whole, whole.toSorted(compareAggregates));
    assert.ok(whole.length > 50, `${whole.length}`);
    for (const limit of [1, 2, 3, 7, 50]) {
      assert.deepEqual((await pagesOf(ask, { limit })).map(short), whole.map(short), `pages of ${limit}`);
    }
  }, rows);
});

Deno.test("a sink is asked only for what is beyond the archive, and the reply says who had what", async () => {
  const rows = new Rows();
  await withState(async (inside, ask) => {
    inside.take([{ name: "a", value: 1, timestamp: 20 }]);
    inside.save(true);
    const page = await ask({ fromMs: 20_000, untilMs: 30_000 });
    assert.equal(rows.asked, 0);
    assert.deepEqual(page.parts, [{ fromMs: 20_000, untilMs: 30_000, sink: undefined, lack: undefined }]);
    rows.lack = "history: connection refused";
    const lacking = await ask({ fromMs: 10_000, untilMs: 30_000, lengthMs: 1000 });
    assert.deepEqual(lacking.parts, [
      { fromMs: 10_000, untilMs: 20_000, sink: undefined, lack: "history: connection refused" },
      { fromMs: 20_000, untilMs: 30_000, sink: undefined, lack: undefined },
    ]);
    assert.deepEqual(lacking.aggregates.map(short), ["20+1=1r0"]);
  }, rows);
});

Deno.test("windows that have left the horizon come from the sink, those that were held back from the archive", async () => {
  const rows = new Rows();
  const directory = Deno.makeTempDirSync();
  const inside = new Inside(directory, { horizonMs: 10_000 });
  const table = new Map<string, Aggregate>();
  try {
    for (let second = 1; second < 30; second++) {
      inside.take([{ name: "a", value: second, timestamp: second }]);
      inside.save(true);
      inside.deliver(table);
    }
    inside.save(true);
    rows.rows.push(...table.values());
    const kept = inside.state.get<{ count: number }>("SELECT count(*) AS count FROM segment")!.count;
    assert.ok(kept < 20, `${kept} segments are left`);
    const question = {
      name: "a",
      labels: {},
      aggFunc: undefined,
      fromMs: 0,
      untilMs: 40_000,
      lengthMs: undefined,
      hasCorrections: false,
      limit: 10,
    };
    const views = new StateViews(directory);
    const all = await pagesOf(
      (part) =>
        searchAggregates(
          views,
          rows as unknown as SinkRows,
          { ...question, after: undefined, ...part },
          NOW_MS,
        ),
      {},
    );
    assert.deepEqual(all.map(({ value }) => value), Array.from({ length: 29 }, (_, i) => i + 1));
  } finally {
    inside.state.close();
    Deno.removeSync(directory, { recursive: true });
  }
});
