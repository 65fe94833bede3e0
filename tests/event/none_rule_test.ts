import assert from "node:assert/strict";
import { MetNames } from "../../src/event/none_rule.ts";

Deno.test("a rule that has met no name is nothing to tell of, unless it is for every name", () => {
  const met = new MetNames();
  assert.equal(met.of("ROUTES", "a=none", false), undefined);
  const everyName = { setting: "AGG_FUNCTIONS", text: "*=none", names: [], hasMore: false };
  assert.deepEqual(met.of("AGG_FUNCTIONS", "*=none", true), everyName);
});

Deno.test("the first 200 names are remembered once each, and that there were others", () => {
  const met = new MetNames();
  const names = Array.from({ length: 200 }, (_, i) => `n${i}`);
  for (const name of [...names, ...names]) met.note(name);
  assert.deepEqual(met.of("ROUTES", "n*=none", false), {
    setting: "ROUTES",
    text: "n*=none",
    names,
    hasMore: false,
  });
  met.note("another");
  met.note("n0");
  const rule = met.of("ROUTES", "n*=none", false)!;
  assert.deepEqual([rule.names, rule.hasMore], [names, true]);
});
