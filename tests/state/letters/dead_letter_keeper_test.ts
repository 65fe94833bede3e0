import assert from "node:assert/strict";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { readBookEntries } from "../../../src/state/checkpoint/book_entries.ts";
import { Inside, inTemporaryDirectory, withInside } from "../inside.ts";
import { rowsOf } from "../../support/rows_of.ts";

const A = { name: "a", value: 1, timestamp: 1 };

function publish(inside: Inside): void {
  inside.take([A]);
  inside.save(true);
}

/** The sink refuses all that waits for it. */
function refuse({ outbox }: Inside): void {
  for (let batch; (batch = outbox.read("all", outbox.cursor("all"), 1));) {
    const refusal = { reason: "rejected", detail: "no" } as const;
    if (rowsOf(batch)[0]) outbox.reject("all", rowsOf(batch)[0], refusal, batch.nextId);
    else outbox.advance("all", batch.nextId);
  }
}

const deadLetters = ({ state }: Inside) => readDeadLetters(state, { limit: 9 });
/** The revisions in the books that the sink lacks for good. */
const lacked = ({ state }: Inside) =>
  state.all<{ revision: number }>("SELECT revision FROM dead_letter WHERE purged ORDER BY id")
    .map(({ revision }) => revision);
const waiting = ({ outbox }: Inside) =>
  rowsOf(outbox.read("all", outbox.cursor("all"), 9))?.map(({ revision, count }) => [revision, count]);

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
    const sent = rowsOf(inside.outbox.read("all", inside.outbox.cursor("all"), 9)!);
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

const event = (offset: number, bytes: number) => ({
  ...{ reason: "invalid", detail: "", bus: "bus", partition: "", offset } as const,
  raw: new Uint8Array(bytes),
  rawBytes: bytes,
});
const sizes = (inside: Inside) => deadLetters(inside).map(({ raw }) => raw?.length);

Deno.test("the bytes of all refused events count, also after a restart, and what is dropped is in the books", () =>
  inTemporaryDirectory((directory) => {
    const deadLetterBound = { deadLetters: 99, bytes: 60 };
    const live = (work: (inside: Inside) => void) => {
      const inside = new Inside(directory, { deadLetterBound });
      work(inside);
      inside.state.close();
    };
    live((inside) => {
      inside.save(false, { refused: [event(1, 10), event(2, 20)] });
      inside.save(false, { refused: [event(3, 30)] });
      assert.deepEqual(sizes(inside), [10, 20, 30]);
      inside.save(false, { refused: [event(4, 1)] });
      assert.deepEqual(sizes(inside), [20, 30, 1]);
    });
    live((inside) => {
      inside.save(false, { refused: [event(5, 9)] });
      assert.deepEqual(sizes(inside), [20, 30, 1, 9]);
      inside.save(false, { refused: [event(6, 1)] });
      assert.deepEqual(sizes(inside), [30, 1, 9, 1]);
      assert.equal(inside.checkpoint.counters.deadLettersDropped, 2);
      assert.equal(readBookEntries(inside.state).get("letters_dropped_invalid"), 2);
    });
  }));

Deno.test("what is purged or taken in again makes room for others, in number and in bytes", () =>
  withInside((inside) => {
    inside.save(false, { refused: [event(1, 10), event(2, 10), event(3, 10)] });
    inside.request("purge", deadLetters(inside).slice(1, 2));
    inside.save(false, { refused: [event(4, 10)] });
    assert.deepEqual(deadLetters(inside).map(({ offset }) => offset), [1, 3, 4]);
    const { id } = deadLetters(inside)[0]!;
    inside.save(false, {
      settled: { requests: [], retried: [id], refusedAgain: [], purged: [], reissued: [] },
    });
    inside.save(false, { refused: [event(5, 10)] });
    assert.deepEqual(deadLetters(inside).map(({ offset }) => offset), [3, 4, 5]);
    inside.save(false, { refused: [event(6, 1)] });
    assert.deepEqual(deadLetters(inside).map(({ offset }) => offset), [4, 5, 6]);
  }, { deadLetterBound: { deadLetters: 3, bytes: 30 } }));

Deno.test("it is told how many aggregates were settled, sent again or overtaken, and no other dead letters", () =>
  withInside((inside) => {
    inside.take([A, { ...A, name: "b" }]);
    inside.save(true);
    refuse(inside);
    publish(inside);
    inside.save(false, { refused: [event(1, 1), event(2, 1), event(3, 1)] });
    const [a, b, ...events] = deadLetters(inside);
    const [first, ...others] = events.map(({ id }) => id);
    const gone = { ...b!, aggregate: { ...b!.aggregate!, windowStartMs: 5000, windowEndMs: 6000 } };
    const settled = { requests: [], refusedAgain: [], retried: [first!], purged: others };
    assert.equal(inside.save(false, { settled: { ...settled, reissued: [a!, b!, gone] } }), 2);
    assert.deepEqual([deadLetters(inside), lacked(inside)], [[], [0]]);
    assert.equal(inside.save(), 0);
  }));
