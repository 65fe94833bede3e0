import assert from "node:assert/strict";
import { bendOf, loadReport, type LoadStep } from "../../bench/load_report.ts";

/** Ten seconds of `users` who get so many requests a second, all together. */
function step(users: number, perSecond: number): LoadStep {
  const requests = { count: perSecond * 10 + 5, failed: 5, p50_ms: 4.4, p99_ms: 20.6 };
  return { users, seconds: 10, cpu: { locust: 0.25, target: 0.5 }, requests: { "POST /events": requests } };
}

Deno.test("the report has a line for each step, without what failed among the requests a second", () => {
  const report = loadReport({ taken: 12_000, events: 100, steps: [step(10, 40), step(20, 80)] });
  const lines = report.split("\n");
  assert.equal(lines[2], "| 10 | POST /events | 40 | 4000 | 5 | 4 | 21 | 50 % | 25 % |");
  assert.equal(lines[3], "| 20 | POST /events | 80 | 8000 | 5 | 4 | 21 | 50 % | 25 % |");
  assert.equal(lines.at(-1), "It does not bend up to 20 users.");
});

Deno.test("it bends where a user gets fewer than four fifths of the requests of a user of the first step", () => {
  assert.match(bendOf([step(10, 40), step(20, 80), step(40, 129)]), /does not bend up to 40 users/);
  assert.equal(
    bendOf([step(10, 40), step(20, 80), step(40, 127), step(80, 90)]),
    "It bends between 20 and 40 users, at about 127 requests/s.",
  );
  assert.throws(() => bendOf([]), /no step/);
});
