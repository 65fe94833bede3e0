import assert from "node:assert/strict";
import type { Withheld } from "../../src/contract/source.ts";
import type { NoneRule } from "../../src/event/none_rule.ts";
import type { SeriesTrouble } from "../../src/ingest/series_troubles.ts";
import type { Rename } from "../../src/runtime/renames/renames.ts";
import { type Note, notesOf, type Noteworthy } from "../../src/runtime/notes.ts";

const NOW_MS = 1_700_000_000_000;

function notes(given: Partial<Noteworthy>): Note[] {
  const nothing = { noneRules: [], troubles: [], refusalAlarms: [], sources: [], renames: [] };
  return notesOf({ nowMs: NOW_MS, ...nothing, ...given });
}

function rule(text: string, given: Partial<NoneRule> = {}): NoneRule {
  return { setting: "ROUTES", text, names: [], hasMore: false, ...given };
}

function ahead(name: string, given: Partial<SeriesTrouble> = {}): SeriesTrouble {
  return {
    name,
    bus: "bus",
    late: 0,
    refused: { future: 1, late: 0, overflow: 0 },
    behindMs: -7_200_000,
    sinceMs: NOW_MS - 60_000,
    lastMs: NOW_MS - 4000,
    ...given,
  };
}

Deno.test("a rule that drops is told with its setting and the first names, and what finds their series", () => {
  const names = ["plant7.a", "plant7.b", "plant7.c", "plant7.d", "plant7.e"];
  assert.deepEqual(notes({ noneRules: [rule("plant7.*@60=none", { names })] }), [{
    name: "routed_to_no_sink",
    id: "ROUTES plant7.*@60=none",
    detail: "The rule `plant7.*@60=none` of ROUTES sends to no sink the aggregates of 5 names: " +
      "plant7.a, plant7.b, plant7.c and 2 more.",
    series: "plant7.",
  }]);
  const [one, all] = notes({
    noneRules: [
      rule("*.debug.*.x=none", { setting: "AGG_FUNCTIONS", names: ["a"], hasMore: true }),
      rule("*=none"),
    ],
  });
  assert.deepEqual([one!.name, one!.series], ["dropped_by_functions", ".debug."]);
  assert.match(one!.detail, /^The rule `.*` of AGG_FUNCTIONS drops the events of more than 1 name: a\.$/);
  assert.deepEqual([all!.detail, all!.series], [
    "The rule `*=none` of ROUTES sends to no sink the aggregates of every name it is for.",
    "",
  ]);
});

Deno.test("a clock that is ahead is told, until it has been quiet for long or is one of a mass", () => {
  const oven = ahead("plant7.oven", { labels: '{"line":"4"}' });
  assert.deepEqual(notes({ troubles: [oven] }), [{
    name: "clock_ahead",
    id: `plant7.oven{line=4} ${NOW_MS - 60_000}`,
    detail: "1 series is refused, since the clock of the device is ahead: " +
      "plant7.oven{line=4} (by 2 h, the last event 4 s ago).",
    series: "plant7.oven",
  }]);
  const several = Array.from({ length: 5 }, (_, i) => ahead(`plant${i}`));
  assert.match(notes({ troubles: several })[0]!.detail, /^5 series are .*plant2 \(.*\) and 2 more\.$/);
  assert.equal(notes({ troubles: several })[0]!.series, "");
  assert.deepEqual(notes({ troubles: [ahead("a", { lastMs: NOW_MS - 301_000 })] }), []);
  assert.deepEqual(notes({ troubles: [ahead("a", { behindMs: 5000 })] }), [], "its clock was set right");
  const alarm = { reason: "future", detail: "", since: 0 };
  assert.deepEqual(notes({ troubles: several, refusalAlarms: [alarm] }), []);
});

Deno.test("timestamps in a finer unit are told as such, and not as a clock that is ahead", () => {
  for (const perSecond of [1e3, 1e6, 1e9]) {
    const door = ahead("oven.door", { behindMs: NOW_MS - 4000 - (NOW_MS - 4000) * perSecond });
    const [clock, unit, ...more] = notes({ troubles: [door, ahead("oven")] });
    assert.match(clock!.detail, /^1 series is refused, since the clock of the device is ahead: oven \(by /);
    assert.equal(unit!.name, "timestamps_in_finer_unit");
    assert.equal(
      unit!.detail,
      "1 series is refused, since the timestamps are in a finer unit than is expected, such as " +
        "milliseconds for seconds: oven.door (the last event 4 s ago).",
    );
    assert.deepEqual(more, []);
  }
});

Deno.test("partitions that other instances have are told: which, of whom they wait for, and what to do", () => {
  const waits = (who: string) => ({ kind: "wait" as const, why: `${who} has not given it away` });
  const withheld = new Map<string, Withheld>([
    ["t/1", waits("plant-1")],
    ["t/3", waits("plant-3")],
    ["t/5", { kind: "lost", why: "plant-2 has it from offset 60 on" }],
  ]);
  const sources = [{ name: "kafka://k/t", withheld }, { name: "kafka://k/u", withheld: new Map() }];
  assert.deepEqual(notes({ sources }), [{
    name: "partition_awaited",
    id: "kafka://k/t t/1, t/3",
    detail: "2 partitions of kafka://k/t are waited for: t/1 (plant-1 has not given it away), t/3 " +
      "(plant-3 has not given it away). Where the instance that has them is gone for good with its state, " +
      "start this one once with --take-over.",
    series: null,
  }, {
    name: "partition_taken",
    id: "kafka://k/t t/5",
    detail: "1 partition of kafka://k/t is read by another instance: t/5 (plant-2 has it from offset 60 on" +
      "). Nothing more is read of them here; verify --fleet says which events are counted twice, or by " +
      "nobody.",
    series: null,
  }]);
});

Deno.test("series that may be renamed are told with both names, since when, and what finds the old ones", () => {
  const rename = (from: string, to: string, line: string, agoMs: number): Rename => ({
    from: { name: from, labels: `{"line":"${line}"}` },
    to: { name: to, labels: `{"line":"${line}"}` },
    stoppedMs: NOW_MS - agoMs,
  });
  const oven = rename("plant7.oven", "werk.ofen", "4", 180_000);
  assert.deepEqual(notes({ renames: [oven] }), [{
    name: "perhaps_renamed",
    id: "plant7.oven{line=4} to werk.ofen{line=4}",
    detail: "1 series has stopped when another began, 3 min ago. Perhaps it was renamed: " +
      "plant7.oven{line=4} to werk.ofen{line=4}.",
    series: "plant7.oven",
  }]);
  const heat = ["5", "6", "7"].map((line) => rename("plant7.heat", "werk.heat", line, 240_000));
  const [several, ...others] = notes({ renames: [oven, ...heat], noneRules: [rule("*=none")] });
  assert.equal(
    several!.detail,
    "4 series have stopped when others began, the latest 3 min ago. Perhaps they were renamed: " +
      "plant7.oven{line=4} to werk.ofen{line=4}, plant7.heat{line=5} to werk.heat{line=5}, " +
      "plant7.heat{line=6} to werk.heat{line=6} and 1 more.",
  );
  assert.equal(several!.series, "plant7.");
  assert.equal(others.length, 1, "what stands by a rule comes after it");
});
