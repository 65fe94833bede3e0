import assert from "node:assert/strict";
import { type ListedSeries, searchSeries, type SeriesQuestion } from "../../src/control/series_search.ts";
import { StateViews } from "../../src/control/state_views.ts";
import { SEGMENT_ROWS } from "../../src/state/outbox/segment.ts";
import { Inside, type InsideOptions } from "../state/inside.ts";

type Ask = (part?: Partial<SeriesQuestion>) => Promise<
  ReturnType<typeof searchSeries> extends Generator<
    unknown,
    infer Page
  > ? Page
    : never
>;

async function withState(options: InsideOptions, work: (inside: Inside, ask: Ask) => Promise<void>) {
  const directory = Deno.makeTempDirSync();
  const inside = new Inside(directory, options);
  const views = new StateViews(directory);
  const usual = { text: "", labels: {}, lengthMs: undefined, limit: 100, after: undefined };
  const signal = new AbortController().signal;
  try {
    await work(inside, (part) => views.read((state) => searchSeries(state, { ...usual, ...part }), signal));
  } finally {
    inside.state.close();
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("series of open and closed windows are found by a part of the name and by labels, with their newest aggregates", async () => {
  const tiers = [1000, 60_000].map((lengthMs) => ({ lengthMs, hopMs: lengthMs }));
  await withState({ tiers }, async (inside, ask) => {
    inside.take([
      { name: "Oven.Temp", value: 1, timestamp: 1 },
      { name: "Oven.Temp", value: 2, timestamp: 2, labels: { line: "4", site: "n" } },
      { name: "door", value: 3, timestamp: 1 },
      { name: "door", value: 4, timestamp: 3 },
      { name: "clock", value: 0, timestamp: 9 },
    ]);
    inside.save();
    inside.take([{ name: "door", value: 5, timestamp: 3.5 }]);
    inside.save(false, { closing: inside.aggregator.windowsWhere(({ endMs }) => endMs === 4000) });
    const told = async (part?: Partial<SeriesQuestion>) =>
      (await ask(part)).series.map(({ name, labels = "", aggFunc, tiers }) =>
        `${name}${labels} ${aggFunc} ` +
        [...tiers].map(([length, { newest }]) =>
          `${length}:${newest && `${newest.value}r${newest.revision}`}`
        )
          .sort().join(" ")
      );
    const oven = 'Oven.Temp{"line":"4","site":"n"} sum 1000:2r0 60000:undefined';
    assert.deepEqual(await told(), [
      "Oven.Temp sum 1000:1r0 60000:undefined",
      oven,
      "clock sum 1000:undefined 60000:undefined",
      "door sum 1000:9r1 60000:undefined",
    ]);
    assert.deepEqual(await told({ text: "TEMP", labels: { site: "n" } }), [oven]);
    assert.deepEqual(await told({ text: "oo", lengthMs: 1000 }), ["door sum 1000:9r1"]);
    assert.deepEqual(await told({ text: "nothing" }), []);
    assert.deepEqual((await ask()).tiers, [
      { lengthMs: 1000, sinceMs: 1000, runSinceMs: 1000, newestEndMs: 4000 },
      { lengthMs: 60_000, sinceMs: undefined, runSinceMs: undefined, newestEndMs: undefined },
    ]);
  });
});

Deno.test("a series with a wholly other name and the labels of a silent one comes first; what is left off is counted", async () => {
  await withState({}, async (inside, ask) => {
    for (let second = 1; second <= 12; second++) {
      const name = second < 6 ? "plant7.oven" : "zone.kiln";
      inside.take([
        { name, value: 1, timestamp: second, labels: { machine: "7", site: "north" } },
        { name: "plant7x.oven", value: 1, timestamp: second, labels: { machine: "8" } },
        ...Array.from({ length: 12 }, (_, i) => ({
          name: second < 6 ? "clock" : `plant-7.other${i}`,
          value: 1,
          timestamp: second,
          labels: { machine: `${i}` },
        })),
      ]);
      inside.save();
    }
    const { near, nearLeftOff, series } = await ask({ text: "plant7.oven" });
    assert.deepEqual(series.map(({ name }) => name), ["plant7.oven"]);
    assert.equal(near[0]!.name, "zone.kiln");
    assert.equal(near.some(({ name }) => name === "plant7x.oven"), false, "it was there all the time");
    const { near: typed } = await ask({ text: "plant7y.oven" });
    assert.ok(typed.slice(0, 2).some(({ name }) => name === "plant7x.oven"), "somebody may have mistyped it");
    assert.equal(near.length, 8);
    assert.ok(nearLeftOff > 0);
  });
});

Deno.test("pages of any size together are the whole, in the order of names, whatever the segments", async () => {
  const count = SEGMENT_ROWS + 904;
  await withState({ maxSeries: 10_000 }, async (inside, ask) => {
    inside.take(Array.from({ length: count }, (_, i) => ({ name: `n${i}`, value: i, timestamp: 1 })));
    inside.save(true);
    for (const limit of [999, 5000]) {
      const names: string[] = [];
      let after: string | undefined;
      do {
        const page = await ask({ limit, after });
        assert.ok(page.series.length <= limit);
        names.push(...page.series.map(({ name }) => name));
        after = page.next;
      } while (after !== undefined);
      assert.equal(names.length, count);
      assert.deepEqual(names, Array.from({ length: count }, (_, i) => `n${i}`).sort());
    }
  });
});

Deno.test("a series says since when it is silent or new, and a renamed one is near its old name", async () => {
  await withState({}, async (inside, ask) => {
    for (let second = 1; second <= 12; second++) {
      const [machine, name] = second < 6 ? ["7", "plant7.oven"] : ["8", "plant-seven.oven"];
      inside.take([
        { name: "clock", value: 1, timestamp: second },
        { name, value: 1, timestamp: second },
        { name: "press", value: 1, timestamp: second, labels: { machine } },
      ]);
      inside.save();
    }
    const told = ({ labels = "", name, newSinceMs, silentSinceMs }: ListedSeries) =>
      `${name}${labels} silent ${silentSinceMs} new ${newSinceMs}`;
    const { near, series } = await ask({ text: "plant7" });
    assert.deepEqual(series.map(told), ["plant7.oven silent 6000 new undefined"]);
    assert.deepEqual(near.map(told), ["plant-seven.oven silent undefined new 6000"]);
    assert.deepEqual((await ask({ text: "clock" })).series.map(told), [
      "clock silent undefined new undefined",
    ]);
    assert.deepEqual((await ask({ text: "MACHINE=7" })).series.map(told), [
      'press{"machine":"7"} silent 6000 new undefined',
    ]);
    assert.deepEqual((await ask({ text: "zz" })).near, []);
    for (const text of ["Plant 7", "plant-7.OVEN", "7/oven"]) {
      assert.deepEqual(
        (await ask({ text })).series.map(told),
        ["plant7.oven silent 6000 new undefined"],
        text,
      );
    }
    assert.deepEqual((await ask({ text: "." })).series.map(({ name }) => name), [
      "plant-seven.oven",
      "plant7.oven",
    ]);
  });
});

Deno.test("only what begins when another one stops may be its new name; of nothing that is found, nobody knows", async () => {
  await withState({ windowSizeMs: 60_000 }, async (inside, ask) => {
    const spans: readonly (readonly [name: string, from: number, to: number])[] = [
      ["plant7.oven", 1, 10],
      ["plant7a.oven", 1, 40],
      ["plant7b.oven", 6, 40],
      ["plant7c.oven", 11, 40],
      ["plant7d.oven", 15, 40],
      ["plant7e.oven", 17, 40],
      ["kiln", 20, 40],
    ];
    for (let minute = 1; minute <= 40; minute++) {
      const names = spans.filter(([, from, to]) => from <= minute && minute <= to).map(([name]) => name);
      inside.take(names.map((name) => ({ name, value: 1, timestamp: minute * 60, labels: { line: "4" } })));
      inside.save();
    }
    const near = async (text: string) => (await ask({ text })).near.map(({ name }) => name).sort();
    assert.deepEqual(await near("plant7.oven"), ["plant7c.oven", "plant7d.oven"]);
    assert.deepEqual(
      await near("plant7.oben"),
      ["", "a", "b", "c", "d", "e"].map((end) => `plant7${end}.oven`).sort(),
    );
  });
});
