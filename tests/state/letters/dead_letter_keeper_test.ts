import assert from "node:assert/strict";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { type Inside, withInside } from "../inside.ts";

const A = { name: "a", value: 1, timestamp: 1 };

function publish(inside: Inside): void {
  inside.take([A]);
  inside.save(true);
}

/** The sink refuses all that waits for it. */
function refuse({ outbox }: Inside): void {
  for (let batch; (batch = outbox.read("all", outbox.cursor("all"), 1));) {
    const refusal = { reason: "rejected", detail: "no" } as const;
    if (batch.aggregates[0]) outbox.reject("all", batch.aggregates[0], refusal, batch.nextId);
    else outbox.advance("all", batch.nextId);
  }
}

const deadLetters = ({ state }: Inside) => readDeadLetters(state, { limit: 9 });
/** The revisions in the books that the sink lacks for good. */
const lacked = ({ state }: Inside) =>
  state.all<{ revision: number }>("SELECT revision FROM dead_letter WHERE purged ORDER BY id")
    .map(({ revision }) => revision);
const waiting = ({ outbox }: Inside) =>
  outbox.read("all", outbox.cursor("all"), 9)?.aggregates.map(({ revision, count }) => [revision, count]);

Deno.test("a retried aggregate is sent again where it is the newest revision, and nothing is left of its dead letter", () =>
  withInside((inside) => {
    publish(inside);
    refuse(inside);
    inside.request("retry", deadLetters(inside));
    assert.deepEqual([deadLetters(inside), lacked(inside), waiting(inside)], [[], [], [[0, 1]]]);
  }));

Deno.test("a retried aggregate that a newer revision has overtaken is settled, and stays in the books", () =>
  withInside((inside) => {
    publish(inside);
    refuse(inside);
    publish(inside);
    inside.request("retry", deadLetters(inside));
    assert.deepEqual([deadLetters(inside), lacked(inside), waiting(inside)], [[], [0], [[1, 2]]]);
  }));

Deno.test("a retried aggregate that the archive no longer has stays a dead letter", () =>
  withInside((inside) => {
    publish(inside);
    refuse(inside);
    const [deadLetter] = deadLetters(inside);
    const [elsewhere, newer] = [{ windowStartMs: 5000, windowEndMs: 6000 }, { revision: 1 }];
    for (const change of [elsewhere, newer]) {
      inside.request("retry", [{ ...deadLetter!, aggregate: { ...deadLetter!.aggregate!, ...change } }]);
      assert.deepEqual(deadLetters(inside).map(({ id }) => id), [deadLetter!.id]);
      assert.deepEqual([lacked(inside), waiting(inside)], [[], undefined]);
    }
  }));

Deno.test("a dead letter of a sink that is no more is left as it is", () =>
  withInside((inside) => {
    publish(inside);
    refuse(inside);
    const before = deadLetters(inside);
    inside.request("retry", [{ ...before[0]!, sink: "another" }]);
    assert.deepEqual([deadLetters(inside), waiting(inside)], [before, undefined]);
  }));

Deno.test("of several retried windows each is sent again once", () =>
  withInside((inside) => {
    inside.take([A, { ...A, name: "b" }, { ...A, timestamp: 9 }]);
    inside.save(true);
    refuse(inside);
    inside.request("retry", deadLetters(inside));
    const sent = inside.outbox.read("all", inside.outbox.cursor("all"), 9)!.aggregates;
    assert.deepEqual(sent.map(({ name, windowStartMs }) => [name, windowStartMs]), [
      ["a", 1000],
      ["b", 1000],
      ["a", 9000],
    ]);
    assert.deepEqual(deadLetters(inside), []);
  }));

Deno.test("what is refused and what is no number count for the bound of the next checkpoint", () =>
  withInside((inside) => {
    const refused = [1, 2].map((offset) => ({
      ...{ reason: "invalid", detail: "", bus: "bus", partition: "", offset } as const,
      raw: new Uint8Array(10),
      rawBytes: 10,
    }));
    inside.save(false, { refused });
    inside.take([{ ...A, value: 1.7e308 }, { ...A, value: 1.7e308 }]);
    inside.save(true);
    assert.deepEqual(deadLetters(inside).map(({ reason }) => reason), ["invalid", "not_finite"]);
    assert.equal(inside.checkpoint.counters.deadLettersDropped, 1);
    inside.save(false, { refused: [{ ...refused[0]!, raw: new Uint8Array(25) }] });
    assert.deepEqual(deadLetters(inside).map(({ raw }) => raw?.length), [undefined, 25]);
  }, { deadLetterBound: { deadLetters: 2, bytes: 30 } }));
