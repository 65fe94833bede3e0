import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { readAlarms } from "../../../src/state/alarms.ts";
import { type PostponedWindow, TooManyRefused } from "../../../src/state/outbox/outbox.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { askForRedelivery, END_OF_TIME_MS, readRedeliveries } from "../../../src/state/outbox/redelivery.ts";
import { SEGMENT_ROWS } from "../../../src/state/outbox/segment.ts";
import type { NameRoutes } from "../../../src/state/checkpoint/route_table.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";
import { rowsOf } from "../../support/rows_of.ts";

const BY_DEAD_LETTER: NameRoutes = {
  always: undefined,
  sinksFor: (name) =>
    name.startsWith("x") ? ["x"] : name.startsWith("y") ? ["y"] : name === "n" ? [] : ["x", "y"],
};

/** Names by outbox id, as `sink` gets them from `from` on. */
function readAll(inside: Inside, sink: string, from: number, most: number): [id: number, name: string][] {
  const read: [number, string][] = [];
  for (let batch; (batch = inside.outbox.read(sink, from, most)); from = batch.nextId) {
    assert.equal(batch.firstId, from);
    assert.ok(batch.nextId > from, "no batch stands still");
    assert.equal(batch.ids.length, batch.aggregates.length);
    assert.ok(batch.ids.length <= most);
    assert.ok(batch.ids.every((id) => id >= from && id < batch!.nextId));
    batch.ids.forEach((id, i) => read.push([id, rowsOf(batch!)[i]!.name]));
  }
  assert.equal(from, inside.outbox.endId());
  return read;
}

Deno.test("property: each sink gets what its route says, once, in order, in whatever batches, from wherever it stands", () => {
  const name = fc.tuple(fc.constantFrom("x", "y", "b", "n"), fc.nat({ max: 9 })).map(([kind, n]) =>
    kind === "n" ? kind : `${kind}${n}`
  );
  fc.assert(
    fc.property(
      fc.array(fc.array(name, { minLength: 1, maxLength: 8 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 9 }),
      fc.nat(),
      (windows, most, start) => {
        inTemporaryDirectory((directory) => {
          const inside = new Inside(directory, { sinks: ["x", "y"], router: BY_DEAD_LETTER });
          windows.forEach((names, timestamp) => {
            inside.take(names.map((name) => ({ name, value: 1, timestamp })));
            inside.save(true);
          });
          const all = windows.map((names) => new Set(names));
          const from = start % (inside.outbox.endId() + 1);
          for (const sink of ["x", "y"]) {
            const read = readAll(inside, sink, 0, most);
            const expected = all.flatMap((names) =>
              [...names].filter((name) => BY_DEAD_LETTER.sinksFor(name).includes(sink))
            );
            assert.deepEqual(read.map(([, name]) => name).toSorted(), expected.toSorted());
            const waiting = read.filter(([id]) => id >= from);
            assert.deepEqual(readAll(inside, sink, from, most), waiting);
            const samples = inside.outbox.samples(sink, from, most).map(({ name }) => name);
            assert.ok(
              samples.length <= most && samples.every((name) => waiting.some(([, own]) => own === name)),
            );
            assert.equal(samples[0], waiting[0]?.[1], "where any waits, the first is among them");
          }
          inside.state.close();
        });
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("a run with nothing for the sink moves it on in one step, bounded in its work", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { sinks: ["x", "y"], router: BY_DEAD_LETTER, maxSeries: 10_000 });
    inside.take(
      Array.from({ length: SEGMENT_ROWS + 1 }, (_, i) => ({ name: `y${i}`, value: 1, timestamp: 0 })),
    );
    inside.save(true);
    const batch = inside.outbox.read("x", 0, 10)!;
    assert.deepEqual([rowsOf(batch), batch.nextId], [[], SEGMENT_ROWS + 1]);
    assert.equal(inside.outbox.read("x", batch.nextId, 10), undefined);
    inside.state.close();
  });
});

Deno.test("a cursor that has moved is saved by the next checkpoint, once", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    inside.take([{ name: "a", value: 1, timestamp: 0 }]);
    inside.save(true);
    assert.equal(inside.outbox.hasUnsavedCursors, false);
    inside.outbox.advance("all", 2);
    assert.equal(inside.outbox.hasUnsavedCursors, true);
    inside.save(false);
    assert.equal(inside.outbox.hasUnsavedCursors, false);
    inside.outbox.advance("all", 2);
    assert.equal(inside.outbox.hasUnsavedCursors, false, "it stands where it was");
    inside.state.close();
  });
});

Deno.test("a rejected aggregate and the cursor behind it are on disk together, at once", () => {
  inTemporaryDirectory((directory) => {
    let inside = new Inside(directory);
    inside.take(["a", "b"].map((name) => ({ name, value: 1, timestamp: 0 })));
    inside.save(true);
    const batch = inside.outbox.read("all", 0, 1)!;
    const { ids } = batch;
    const aggregates = rowsOf(batch);
    inside.outbox.reject("all", aggregates[0]!, { reason: "rejected", detail: "its own words" }, ids[0]! + 1);
    inside.outbox.advance("all", 2);
    inside.outbox.advance("all", 1);
    assert.equal(inside.outbox.cursor("all"), 2, "a cursor never goes back");
    assert.equal(inside.outbox.pendingCount(), 0);
    inside.state.close();
    inside = new Inside(directory);
    assert.equal(inside.outbox.cursor("all"), 1, "what was only advanced is not yet saved");
    assert.equal(inside.outbox.pendingCount(), 1);
    const [deadLetter, ...others] = readDeadLetters(inside.state, { limit: 9 });
    assert.deepEqual(others, []);
    assert.deepEqual([deadLetter!.sink, deadLetter!.reason, deadLetter!.detail], [
      "all",
      "rejected",
      "its own words",
    ]);
    assert.deepEqual(deadLetter!.aggregate, aggregates[0]);
    inside.state.close();
  });
});

Deno.test("the slowest sinks are those that have got the fewest aggregates", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { sinks: ["x", "y"], router: BY_DEAD_LETTER });
    inside.take(["b0", "b1"].map((name) => ({ name, value: 1, timestamp: 0 })));
    inside.save(true);
    assert.deepEqual(inside.outbox.slowestSinks(), ["x", "y"]);
    inside.outbox.advance("x", 1);
    assert.deepEqual(inside.outbox.slowestSinks(), ["y"]);
    inside.state.close();
  });
});

Deno.test("a sink that refuses more than can be kept gets no more, until some of it is settled", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { rejectedMax: 2 });
    inside.take(["a", "b", "c"].map((name) => ({ name, value: 1, timestamp: 0 })));
    inside.save(true);
    const batch = inside.outbox.read("all", 0, 3)!;
    const { ids } = batch;
    const aggregates = rowsOf(batch);
    const reject = (i: number) =>
      inside.outbox.reject("all", aggregates[i]!, { reason: "rejected", detail: "too long" }, ids[i]! + 1);
    reject(0);
    reject(1);
    for (let attempt = 0; attempt < 2; attempt++) {
      assert.throws(() => reject(2), (error) => {
        assert.ok(error instanceof TooManyRefused);
        assert.match(error.message, /refused 2 aggregates.*too long.*retry --reason rejected/);
        return true;
      });
      assert.equal(inside.outbox.cursor("all"), ids[2]);
    }
    inside.request("purge", readDeadLetters(inside.state, { limit: 1 }));
    reject(2);
    assert.equal(readDeadLetters(inside.state, { limit: 9 }).length, 2);
    inside.state.close();
  });
});

Deno.test("what a sink has postponed is put back by a request that the next checkpoint sees", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    const { outbox, state } = inside;
    inside.take(["a", "b"].map((name) => ({ name, value: 1, timestamp: 0 })));
    inside.save(true);
    const batch = outbox.read("all", 0, 2)!;
    const { ids } = batch;
    const aggregates = rowsOf(batch);
    aggregates.forEach((aggregate, i) =>
      outbox.reject("all", aggregate, { reason: "postponed", detail: "later" }, ids[i]! + 1)
    );
    const [{ deadLetterIds }] = outbox.postponed("all", 0, 9) as [PostponedWindow];
    assert.equal(deadLetterIds.length, 2);
    assert.equal(outbox.refusedCount("all", "later"), 2);
    outbox.putBack(deadLetterIds);
    assert.deepEqual(
      inside.checkpoint.requests().map(({ action, deadLetterIds }) => [action, deadLetterIds]),
      [
        ["retry", deadLetterIds],
      ],
    );
    state.close();
  });
});

Deno.test("who waits is woken by the next checkpoint that adds something, or by the signal", async () => {
  const directory = await Deno.makeTempDir();
  const inside = new Inside(directory);
  try {
    const { outbox } = inside;
    const stop = new AbortController();
    let woken = 0;
    const waits = [outbox.waitForMore(0, stop.signal), outbox.waitForMore(1, stop.signal)].map((wait) =>
      wait.then(() => woken++)
    );
    inside.take([{ name: "a", value: 1, timestamp: 0 }]);
    inside.save();
    await Promise.resolve();
    assert.equal(woken, 0, "nothing has closed yet");
    inside.save(true);
    await Promise.all(waits);
    await outbox.waitForMore(0, stop.signal);
    const last = outbox.waitForMore(1, stop.signal);
    stop.abort();
    await last;
    await outbox.waitForMore(1, stop.signal);
  } finally {
    inside.state.close();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the last row that a sink has got is found wherever it stands in its window, but not one that it refused", () =>
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    const last = () => inside.outbox.lastDelivered("all")?.name;
    inside.take(["a", "b"].map((name) => ({ name, value: 1, timestamp: 0 })));
    inside.save(true);
    const { aggregates: [first, second], nextId } = inside.outbox.read("all", 0, 9)!;
    assert.equal(last(), undefined);
    inside.outbox.advance("all", 1);
    assert.equal(last(), first!.name);
    inside.outbox.reject("all", second!, { reason: "rejected", detail: "no" }, nextId);
    assert.equal(last(), first!.name);
    inside.state.close();
  }));

Deno.test("it is known since when the oldest window waits for a sink, and a batch says when its oldest one was closed", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { sinks: ["x", "y"], router: BY_DEAD_LETTER });
    const { outbox } = inside;
    try {
      const closedMs = [20_000_000, 20_000_001, 20_000_002];
      ["y1", "x1", "b"].forEach((name, timestamp) => {
        inside.take([{ name, value: 1, timestamp }]);
        inside.save(true, { nowMs: closedMs[timestamp]! });
      });
      assert.equal(outbox.oldestWaitingMs("x"), closedMs[1]);
      const batch = outbox.read("x", 0, 10)!;
      assert.deepEqual([batch.aggregates.length, batch.closedMs], [2, closedMs[1]]);
      outbox.advance("x", batch.ids[1]!);
      assert.equal(outbox.oldestWaitingMs("x"), closedMs[2]);
      assert.equal(outbox.oldestWaitingMs("y"), closedMs[0]);
      outbox.advance("x", outbox.endId());
      assert.equal(outbox.oldestWaitingMs("x"), undefined);
    } finally {
      inside.state.close();
    }
  });
});

/** A batch as `again:` or `new:`, and its names. */
function readNext({ outbox }: Inside, from = outbox.cursor("all")): string | undefined {
  const batch = outbox.read("all", from, 1);
  if (batch === undefined) return undefined;
  outbox.delivered("all", batch);
  if (batch.overwrites !== true) outbox.advance("all", batch.nextId);
  else assert.deepEqual([batch.firstId, batch.nextId, ...batch.ids], Array(2 + batch.ids.length).fill(from));
  const names = rowsOf(batch).map(({ name }) => name);
  return `${batch.overwrites === true ? "again" : "new"}: ${names}`;
}

function publish(inside: Inside, timestamp: number, ...names: string[]): void {
  inside.take(names.map((name) => ({ name, value: 1, timestamp })));
  inside.save(true);
}

/** All that comes, without the empty batch that may end a redelivery. */
function readRest(inside: Inside): string[] {
  const rest: string[] = [];
  for (let next; (next = readNext(inside)) !== undefined;) if (next !== "again: ") rest.push(next);
  return rest;
}

Deno.test("what is sent again comes at the cursor, in turn with what is new, until all of it was sent", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    const { outbox, state } = inside;
    ["a", "b", "c"].forEach((name, second) => publish(inside, second, name));
    inside.deliver(new Map());
    inside.save();
    askForRedelivery(state, "all", 0, 3000);
    assert.equal(outbox.read("all", outbox.cursor("all") + 1, 1), undefined, "nothing is sent ahead");
    assert.equal(readNext(inside), "again: a");
    publish(inside, 5, "x");
    publish(inside, 6, "y");
    assert.deepEqual(readRest(inside), ["new: x", "again: b", "new: y", "again: c"]);
    assert.deepEqual(readRedeliveries(state).map(({ sent, isDone }) => [sent, isDone]), [[3, true]]);
    state.close();
  });
});

Deno.test("what is sent again comes after all that waited when it was first to be sent", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    publish(inside, 1, "a");
    inside.deliver(new Map());
    publish(inside, 2, "x");
    publish(inside, 3, "y");
    askForRedelivery(inside.state, "all", 0, 3000);
    assert.equal(readNext(inside), "new: x");
    publish(inside, 4, "z");
    assert.deepEqual(readRest(inside), ["new: y", "again: a", "new: z", "again: x"]);
    publish(inside, 5, "u");
    askForRedelivery(inside.state, "all", 1000, 2000);
    assert.deepEqual(readRest(inside), ["new: u", "again: a"]);
    inside.state.close();
  });
});

Deno.test("what is wrong with what a sink holds is settled once all of it was sent again, and not before", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    const { outbox, state } = inside;
    publish(inside, 1, "a");
    publish(inside, 2, "b");
    inside.deliver(new Map());
    inside.save();
    outbox.alarm("all", { kind: "rows_missing", detail: "b is missing", count: 1 });
    askForRedelivery(state, "all", 0, END_OF_TIME_MS);
    const alarms = () => readAlarms(state).map(({ detail }) => detail);
    assert.equal(readNext(inside), "again: a");
    publish(inside, 5, "x");
    const ahead = outbox.read("all", outbox.cursor("all"), 1)!;
    assert.deepEqual(rowsOf(ahead).map(({ name }) => name), ["x"]);
    outbox.read("all", outbox.cursor("all"), 1);
    outbox.delivered("all", ahead);
    assert.deepEqual(
      readRedeliveries(state).map(({ sent }) => sent),
      [1],
      "a batch of new rows is no part of it",
    );
    assert.deepEqual(alarms(), ["b is missing"]);
    readRest(inside);
    assert.deepEqual(alarms(), []);
    state.close();
  });
});

Deno.test("a redelivery wakes who waits for more; where none is open nobody is woken", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const inside = new Inside(directory);
    const { outbox, state } = inside;
    publish(inside, 1, "a");
    inside.deliver(new Map());
    let isAwake = false;
    const woken = outbox.waitForMore(outbox.endId(), new AbortController().signal).then(() => isAwake = true);
    outbox.lookForRedelivery();
    await Promise.resolve();
    assert.equal(isAwake, false);
    askForRedelivery(state, "all", 0, END_OF_TIME_MS);
    outbox.lookForRedelivery();
    await woken;
    state.close();
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a start is stored when the first sink is opened, once for all of them, with the end of then", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { sinks: ["x", "y"] });
    const starts = () => inside.state.get<{ n: number }>("SELECT count(*) AS n FROM life")!.n;
    assert.deepEqual([starts(), inside.outbox.hasUnsavedCursors], [0, false]);
    publish(inside, 1, "a");
    const [x, y] = [inside.outbox.claimant("x"), inside.outbox.claimant("y")];
    assert.deepEqual([starts(), x.startId, y.startId], [1, 0, 0]);
    assert.deepEqual([x.boot, x.life], [y.boot, y.life]);
    assert.equal(inside.outbox.claimant("x"), x);
    inside.state.close();
    const next = new Inside(directory, { sinks: ["x", "y"] });
    assert.equal(next.outbox.claimant("y").startId, 1);
    next.state.close();
  });
});
