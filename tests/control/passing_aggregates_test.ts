import assert from "node:assert/strict";
import { outboxEnd, passingAggregates } from "../../src/control/passing_aggregates.ts";
import { SeriesMatcher } from "../../src/event/series_filter.ts";
import { atOnce } from "../../src/platform/clock/steps.ts";
import { Inside, type InsideOptions } from "../state/inside.ts";

function withState(options: InsideOptions, work: (inside: Inside) => void): void {
  const directory = Deno.makeTempDirSync();
  const inside = new Inside(directory, options);
  try {
    work(inside);
  } finally {
    inside.state.close();
    Deno.removeSync(directory, { recursive: true });
  }
}

function passing({ state }: Inside, fromId: number, name = "*", labels: Record<string, string> = {}) {
  return atOnce(passingAggregates(state, fromId, new SeriesMatcher({ name, labels })));
}

const event = (name: string, timestamp: number, labels = {}) => ({ name, value: 1, timestamp, labels });

Deno.test("the aggregates since an outbox id, with the sinks that they go to", () => {
  const router = { always: undefined, sinksFor: (name: string) => name.startsWith("a") ? ["all"] : [] };
  withState({ router }, (inside) => {
    const begin = outboxEnd(inside.state);
    inside.take([event("a", 3), event("a", 3, { line: "7" }), event("b", 3)]);
    inside.save(true);
    const first = passing(inside, begin);
    assert.deepEqual(
      first.aggregates.map(({ aggregate: { name, labels = "" }, sinks }) => `${name}${labels} → ${sinks}`)
        .sort(),
      ["a → all", 'a{"line":"7"} → all', "b → "],
    );
    assert.deepEqual([first.passed, first.unexamined, first.unsent], [3, 0, 0]);
    assert.equal(first.instance, "test");
    assert.equal(passing(inside, begin, "*", { line: "7" }).aggregates.length, 1);
    assert.deepEqual(passing(inside, first.nextId).aggregates, []);
    inside.take([event("a", 3.5)]);
    inside.save(true);
    const { aggregates: [corrected, ...others], passed } = passing(inside, first.nextId, "a*");
    assert.deepEqual([corrected!.aggregate.revision, others.length, passed], [1, 0, 1]);
  });
});

Deno.test("a name of equal characters passes where there is no other", () => {
  withState({}, (inside) => {
    inside.take([event("xxx", 3)]);
    inside.save(true);
    for (const name of ["xxx", "xx*", "*"]) assert.equal(passing(inside, 0, name).aggregates.length, 1, name);
    assert.equal(passing(inside, 0, "xx").aggregates.length, 0);
  });
});

Deno.test("an answer is bounded, and counts what it leaves out", () => {
  withState({ maxSeries: 5000 }, (inside) => {
    inside.take(Array.from({ length: 3000 }, (_, i) => event(`a.${i}`, 3)));
    inside.save(true);
    const all = passing(inside, 0);
    assert.deepEqual([all.aggregates.length, all.passed, all.unexamined, all.unsent], [500, 3000, 0, 2500]);
    const some = passing(inside, 0, "a.299*");
    assert.deepEqual([some.aggregates.length, some.unsent], [11, 0]);
    for (let second = 10; second < 80; second++) {
      inside.take([event("b", second)]);
      inside.save(true);
    }
    const late = passing(inside, 0, "b");
    assert.deepEqual([late.aggregates.length, late.passed, late.unexamined], [64, 3070, 3006]);
    assert.equal(late.aggregates.at(-1)!.aggregate.windowStartMs, 79_000, "the newest are looked at");
  });
});
