import assert from "node:assert/strict";
import type { Measure, Sample } from "./sample.ts";
import { judge } from "./verdict.ts";

function samples(of: (i: number) => Partial<Record<Measure, number>>): Sample[] {
  return Array.from({ length: 40 }, (_, i) => ({
    seconds: i,
    received: i,
    resident: 200e6,
    busResident: 200e6,
    descriptors: 30,
    state: 10e6,
    stateLog: 4e6,
    sink: 10e6,
    sinkLog: 4e6,
    ...of(i),
  }));
}

const growing = (all: Sample[]) => judge(all).filter(({ isFlat }) => !isFlat).map(({ measure }) => measure);

Deno.test("what grows while it warms up and then stays is flat", () => {
  assert.deepEqual(growing(samples((i) => ({ resident: 200e6 + 10e6 * Math.min(i, 9) }))), []);
});

Deno.test("what grows without end is found, each by its name", () => {
  assert.deepEqual(
    growing(
      samples((i) => ({ resident: 200e6 + 10e6 * i, descriptors: 30 + Math.floor(i / 4), sink: 10e6 * i })),
    ),
    ["resident", "descriptors", "sink"],
  );
});
