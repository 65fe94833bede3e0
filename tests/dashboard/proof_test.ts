import assert from "node:assert/strict";
import { proofsOf } from "../../src/dashboard/books/proof.ts";

const JOB = {
  id: 1,
  kind: "verify" as const,
  subject: "everything",
  by: "admin",
  started_at: 1,
  ended_at: 2,
  state: "done" as const,
  progress: "",
  result: { verdict: "PROVEN: no event is lost, none is counted twice", proven: true },
  error: null,
};
const LINE = { at: 1, who: "admin", action: "verify", detail: "everything" };

Deno.test("the newest proof that has ended counts, and one that runs is told beside it", () => {
  const running = { ...JOB, id: 3, ended_at: null, state: "running" as const, result: null };
  const redelivery = { ...JOB, id: 4, kind: "redeliver" as const };
  const { last, running: found } = proofsOf([redelivery, running, JOB], []);
  assert.equal(found, running);
  assert.deepEqual([last!.proven, last!.verdict, last!.at], [true, JOB.result.verdict, 2]);
});

Deno.test("a proof that was broken off proves nothing", () => {
  const failed = { ...JOB, state: "failed" as const, result: null, error: "the sink is away" };
  const { last } = proofsOf([failed, JOB], []);
  assert.equal(last!.proven, false);
  assert.match(last!.verdict, /^NOT PROVEN: .*the sink is away$/);
});

Deno.test("after a restart the audit has the verdict; what is not concluded there is none", () => {
  const proven = (result: string | null) => proofsOf([], [{ ...LINE, result }]).last?.proven;
  assert.equal(proven("PROVEN, except 2 that were lost; none is counted twice"), true);
  assert.equal(proven("NOT PROVEN: 1 difference"), false);
  assert.equal(proven("failed: no room"), false);
  assert.equal(proven(null), undefined);
  assert.equal(proofsOf([], [{ ...LINE, action: "flush", result: "PROVEN" }]).last, undefined);
});
