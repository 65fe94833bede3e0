import assert from "node:assert/strict";
import { OwnClock } from "../../../src/platform/clock/own_clock.ts";

/** What the time really is. */
const TRUE_MS = 2_000_000_000_000;
const HOUR_MS = 3_600_000;
const SKEW_MS = 300_000;

interface Situation {
  readonly nowMs: number;
  readonly builtAtMs?: number;
  readonly stateMs?: number;
  readonly dateMs?: number;
}

function ownClock({ nowMs, builtAtMs, stateMs, dateMs }: Situation): OwnClock {
  const clock = new OwnClock({ nowMs: () => nowMs, monotonicMs: () => 0 }, {
    builtAtMs,
    stateMs: () => stateMs,
  });
  if (dateMs !== undefined) clock.heard("http://bus", dateMs);
  return clock;
}

const BEHIND = TRUE_MS - HOUR_MS;
const AHEAD = TRUE_MS + 72 * HOUR_MS;

/**
 * What is known, the time of an event, and who is to say that the clock is behind; undefined: the event is
 * refused.
 */
const CASES: readonly [what: string, situation: Situation, eventMs: number, accuser: RegExp | undefined][] = [
  ["a bus", { nowMs: BEHIND, dateMs: TRUE_MS }, TRUE_MS, /http:\/\/bus says/],
  [
    "a bus, for a device that is ahead as much as is allowed",
    { nowMs: BEHIND, dateMs: TRUE_MS },
    TRUE_MS + SKEW_MS,
    /bus/,
  ],
  [
    "a bus, but the device is ahead by the right time too",
    { nowMs: BEHIND, dateMs: TRUE_MS },
    TRUE_MS + SKEW_MS + 1,
    undefined,
  ],
  ["the state", { nowMs: BEHIND, stateMs: TRUE_MS - 60_000 }, TRUE_MS, /the state was written/],
  [
    "the state, for what waited on the bus for long",
    { nowMs: BEHIND, stateMs: TRUE_MS },
    TRUE_MS - HOUR_MS / 2,
    /state/,
  ],
  ["the program", { nowMs: 1e12, builtAtMs: TRUE_MS - 1e9 }, TRUE_MS, /this program was built/],
  [
    "the state, with a bus on the same host",
    { nowMs: BEHIND, stateMs: TRUE_MS, dateMs: BEHIND },
    TRUE_MS + 1000,
    /state/,
  ],
  ["nobody", { nowMs: BEHIND }, TRUE_MS, undefined],
  ["nobody: a bus that agrees", { nowMs: TRUE_MS, dateMs: TRUE_MS }, TRUE_MS + HOUR_MS, undefined],
  [
    "nobody: all of them are satisfied",
    { nowMs: TRUE_MS, stateMs: TRUE_MS - 1, builtAtMs: 1, dateMs: TRUE_MS },
    AHEAD,
    undefined,
  ],
  [
    "a state that a clock ahead has written is not believed against a bus",
    { nowMs: TRUE_MS, stateMs: AHEAD, dateMs: TRUE_MS },
    TRUE_MS + HOUR_MS,
    undefined,
  ],
  [
    "nor a program that was built by such a clock",
    { nowMs: TRUE_MS, builtAtMs: AHEAD, dateMs: TRUE_MS },
    TRUE_MS + HOUR_MS,
    undefined,
  ],
  [
    "a state and a bus that agree, for a device that is ahead",
    { nowMs: BEHIND, stateMs: TRUE_MS - 1000, dateMs: TRUE_MS },
    AHEAD,
    undefined,
  ],
];

for (const [what, situation, eventMs, accuser] of CASES) {
  Deno.test(`who says that the clock is behind: ${what}`, () => {
    const said = ownClock(situation).excuse(eventMs, SKEW_MS);
    if (accuser === undefined) assert.equal(said, undefined);
    else assert.match(said ?? "nobody", accuser);
  });
}

Deno.test("what a bus said goes on by the clock that does not jump", () => {
  let monotonicMs = 0;
  const clock = new OwnClock({ nowMs: () => BEHIND, monotonicMs: () => monotonicMs }, {
    builtAtMs: undefined,
    stateMs: () => undefined,
  });
  clock.heard("http://bus", TRUE_MS);
  monotonicMs = 60_000;
  assert.match(clock.excuse(TRUE_MS + SKEW_MS + 60_000, SKEW_MS) ?? "nobody", /bus/);
});

Deno.test("seconds and the way are no evidence", () => {
  const situation = { nowMs: TRUE_MS, stateMs: TRUE_MS + 1500, dateMs: TRUE_MS + 1500 };
  assert.equal(ownClock(situation).excuse(TRUE_MS + SKEW_MS + 1000, SKEW_MS), undefined);
  assert.equal(ownClock(situation).accuser(0), undefined);
});

Deno.test("for a look before anything is read: behind by more than is tolerated, or ahead", () => {
  assert.match(ownClock({ nowMs: BEHIND, dateMs: TRUE_MS }).accuser(SKEW_MS) ?? "nobody", /bus/);
  assert.match(ownClock({ nowMs: BEHIND, stateMs: TRUE_MS }).accuser(SKEW_MS) ?? "nobody", /state/);
  assert.equal(ownClock({ nowMs: TRUE_MS - 60_000, dateMs: TRUE_MS }).accuser(SKEW_MS), undefined);
  assert.equal(ownClock({ nowMs: TRUE_MS, stateMs: AHEAD, dateMs: TRUE_MS }).accuser(SKEW_MS), undefined);
  assert.match(
    ownClock({ nowMs: BEHIND, builtAtMs: TRUE_MS, dateMs: BEHIND }).doubter(SKEW_MS) ?? "nobody",
    /this program was built/,
  );
  assert.match(ownClock({ nowMs: AHEAD, dateMs: TRUE_MS }).doubter(SKEW_MS) ?? "nobody", /bus/);
  assert.equal(ownClock({ nowMs: TRUE_MS, dateMs: TRUE_MS }).doubter(0), undefined);
});
