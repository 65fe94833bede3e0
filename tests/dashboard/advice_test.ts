import assert from "node:assert/strict";
import { ADVICE } from "../../src/dashboard/overview/advice.ts";
import { CAUSES, withoutNames } from "../../src/runtime/readiness.ts";

Deno.test("no cause is called out of reach by its name alone: the bus or sink may have answered", () => {
  for (const name of CAUSES) {
    const { title } = ADVICE[name];
    const { detail } = withoutNames([{ name, detail: "" }])[0]!;
    assert.doesNotMatch(`${title} ${detail}`, /reach|connect/i, name);
  }
});
