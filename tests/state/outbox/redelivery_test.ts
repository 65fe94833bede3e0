import assert from "node:assert/strict";
import { readAudit } from "../../../src/state/audit.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import {
  askForRedelivery,
  END_OF_TIME_MS,
  nextPiece,
  nextRedelivery,
  pieceDelivered,
  readRedeliveries,
} from "../../../src/state/outbox/redelivery.ts";
import { Inside, type InsideOptions, inTemporaryDirectory } from "../inside.ts";
import { rowsOf } from "../../support/rows_of.ts";

/** Opens the state for some work, as one life of the handler would. */
function live<T>(directory: string, work: (inside: Inside) => T, options: InsideOptions = {}): T {
  const inside = new Inside(directory, options);
  try {
    return work(inside);
  } finally {
    inside.state.close();
  }
}

function publish(inside: Inside, names: readonly string[], second: number): void {
  inside.take(names.map((name) => ({ name, value: 1, timestamp: second })));
  inside.save(true);
}

function deliver(inside: Inside): void {
  inside.deliver(new Map());
  inside.save();
}

/** All pieces to the end, as they would be written; each name with its window's second and its revision. */
function pieces(inside: Inside, max: number, sink = "all"): string[][] {
  const all: string[][] = [];
  for (let piece; (piece = nextPiece(inside.state, inside.registry.get(sink), max));) {
    all.push(
      piece.aggregates.map(({ name, windowStartMs, revision }) =>
        `${name}${windowStartMs / 1000} r${revision}`
      ),
    );
    assert.ok(piece.aggregates.length <= max);
    pieceDelivered(inside.state, piece);
  }
  return all;
}

Deno.test("each row of the span comes once, in pieces of any size, as it stands", () => {
  for (const max of [1, 2, 3, 7, 100]) {
    inTemporaryDirectory((directory) =>
      live(directory, (inside) => {
        for (const second of [1, 2, 3, 4]) publish(inside, ["a", "b", "c"], second);
        publish(inside, ["b"], 2);
        deliver(inside);
        askForRedelivery(inside.state, "all", 2000, 4000);
        assert.deepEqual(pieces(inside, max).flat().sort(), [
          "a2 r0",
          "a3 r0",
          "b2 r1",
          "b3 r0",
          "c2 r0",
          "c3 r0",
        ]);
        assert.deepEqual(readRedeliveries(inside.state).map(({ sent, isDone }) => [sent, isDone]), [[
          6,
          true,
        ]]);
      })
    );
  }
});

Deno.test("rows of several windows come once each, in pieces that begin and end amid them", () =>
  inTemporaryDirectory((directory) =>
    live(directory, (inside) => {
      const names = [..."hgfedcba"];
      for (const second of [1, 2, 3]) publish(inside, names, second);
      deliver(inside);
      const all = [1, 2, 3].flatMap((second) => names.map((name) => `${name}${second} r0`));
      for (const max of [3, 5, 11]) {
        askForRedelivery(inside.state, "all", 0, END_OF_TIME_MS);
        const sent = pieces(inside, max);
        assert.deepEqual(sent.flat().toSorted(), all.toSorted());
        assert.deepEqual(sent.slice(0, -2).filter(({ length }) => length !== max), []);
      }
      const told = readRedeliveries(inside.state).map(({ sent, isDone }) => [sent, isDone]);
      assert.deepEqual(told, [[24, true], [24, true], [24, true]]);
    })
  ));

Deno.test("after a crash it goes on where the sink has all before it: nothing is left out", () => {
  inTemporaryDirectory((directory) => {
    live(directory, (inside) => {
      publish(inside, ["a", "b", "c"], 1);
      publish(inside, ["a"], 2);
      deliver(inside);
      askForRedelivery(inside.state, "all", 0, END_OF_TIME_MS);
    });
    const sent: string[] = [];
    for (let isOver = false; !isOver;) {
      live(directory, (inside) => {
        const sink = inside.registry.get("all");
        // The first one is written, and the crash comes before that is kept.
        const first = nextPiece(inside.state, sink, 1);
        const again = nextPiece(inside.state, sink, 1);
        assert.deepEqual(first, again);
        if (again) pieceDelivered(inside.state, again);
        for (const { name, windowStartMs } of again?.aggregates ?? []) {
          sent.push(`${name}${windowStartMs / 1000}`);
        }
        isOver = again === undefined;
      });
    }
    assert.deepEqual(sent, ["a1", "b1", "c1", "a2"]);
  });
});

Deno.test("what waits, what was rejected, and what was never routed to the sink is not sent", () => {
  inTemporaryDirectory((directory) => {
    const router = { always: undefined, sinksFor: (name: string) => name === "other" ? ["y"] : ["x", "y"] };
    live(directory, (inside) => {
      publish(inside, ["a", "b", "other"], 1);
      for (const sink of ["x", "y"]) {
        for (let batch; (batch = inside.outbox.read(sink, inside.outbox.cursor(sink), 1));) {
          const [aggregate] = batch.aggregates;
          if (sink === "x" && aggregate?.name === "b") {
            inside.outbox.reject(sink, aggregate, { reason: "rejected", detail: "no" }, batch.nextId);
          } else inside.outbox.advance(sink, batch.nextId);
        }
      }
      inside.save();
      publish(inside, ["a"], 1);
      askForRedelivery(inside.state, "x", 0, END_OF_TIME_MS);
      // The first revision is what the sink must hold: the second one waits.
      assert.deepEqual(pieces(inside, 9, "x").flat(), ["a1 r0"]);
      assert.equal(readDeadLetters(inside.state, { limit: 9 }).length, 1);
    }, { sinks: ["x", "y"], router });
  });
});

Deno.test("after what waits, then by turns with what is new, and no cursor moves", () => {
  inTemporaryDirectory((directory) =>
    live(directory, (inside) => {
      const { outbox, state } = inside;
      publish(inside, ["a", "b"], 1);
      deliver(inside);
      publish(inside, ["c", "d"], 2);
      askForRedelivery(state, "all", 1000, 2000);
      const turns: string[] = [];
      for (let batch; (batch = outbox.read("all", outbox.cursor("all"), 1));) {
        const before = outbox.cursor("all");
        outbox.advance("all", batch.nextId);
        outbox.delivered("all", batch);
        assert.equal(outbox.cursor("all") > before, !batch.overwrites);
        turns.push(batch.overwrites ? `again ${rowsOf(batch).map(({ name }) => name)}` : "new");
        if (turns.length === 1) publish(inside, ["e", "f"], 3);
      }
      assert.deepEqual(turns.filter((turn) => turn !== "again "), [
        "new",
        "new",
        "again a",
        "new",
        "again b",
        "new",
      ]);
    })
  );
});

Deno.test("what a sink got before a crash, and the state does not know of, is sent again too", () => {
  inTemporaryDirectory((directory) => {
    live(directory, (inside) => {
      publish(inside, ["a"], 1);
      // The sink has it. The crash comes before that is in a checkpoint, and somebody changes the row.
      inside.deliver(new Map());
    });
    live(directory, (inside) => {
      const { outbox, state } = inside;
      askForRedelivery(state, "all", 0, END_OF_TIME_MS);
      const sent: string[] = [];
      for (let batch; (batch = outbox.read("all", outbox.cursor("all"), 9));) {
        outbox.advance("all", batch.nextId);
        outbox.delivered("all", batch);
        const how = batch.overwrites ? "overwriting" : "new";
        sent.push(...rowsOf(batch).map(({ name }) => `${name} ${how}`));
      }
      assert.deepEqual(sent, ["a new", "a overwriting"]);
    });
  });
});

Deno.test("a sink that goes takes its request along", () => {
  inTemporaryDirectory((directory) => {
    live(directory, (inside) => {
      publish(inside, ["a"], 1);
      for (const sink of ["x", "y"]) askForRedelivery(inside.state, sink, 0, END_OF_TIME_MS);
    }, { sinks: ["x", "y"] });
    live(directory, (inside) => {
      assert.deepEqual(readRedeliveries(inside.state).map(({ sink, isDone }) => [sink, isDone]), [
        ["x", true],
        ["y", false],
      ]);
    }, { sinks: ["y"], forget: ["x"] });
  });
});

Deno.test("each sink has its own requests, which are done one after another", () => {
  inTemporaryDirectory((directory) =>
    live(directory, (inside) => {
      const { state } = inside;
      const ask = (sink: string) => askForRedelivery(state, sink, 0, END_OF_TIME_MS);
      const next = () => ["x", "y"].map((sink) => nextRedelivery(state, sink));
      const first = ask("x");
      assert.deepEqual(next(), [first, undefined]);
      const [second, ofOther] = [ask("x"), ask("y")];
      assert.equal(new Set([first, second, ofOther]).size, 3);
      assert.deepEqual(next(), [first, ofOther]);
      pieces(inside, 9, "x");
      assert.deepEqual(next(), [undefined, ofOther]);
      assert.deepEqual(readRedeliveries(state).map(({ id }) => id), [first, second, ofOther]);
    }, { sinks: ["x", "y"] })
  );
});

Deno.test("the order of a redelivery gets its result piece by piece, one without an order none", () => {
  inTemporaryDirectory((directory) =>
    live(directory, (inside) => {
      const { state } = inside;
      for (const second of [1, 2, 3]) publish(inside, ["a"], second);
      deliver(inside);
      const order = { who: "alice", atMs: 5, action: "redeliver", detail: "--sink all" };
      askForRedelivery(state, "all", 0, 2000, order);
      askForRedelivery(state, "all", 2000, END_OF_TIME_MS, { ...order, who: "bob" });
      const results = () => readAudit(state, 9).map(({ who, result }) => `${who}: ${result}`).toSorted();
      const pass = () => pieceDelivered(state, nextPiece(state, inside.registry.get("all"), 1)!);
      assert.deepEqual(results(), ["alice: undefined", "bob: undefined"]);
      pass();
      assert.deepEqual(results(), ["alice: 1 row sent again so far", "bob: undefined"]);
      pieces(inside, 1);
      assert.deepEqual(results(), ["alice: 1 row sent again", "bob: 2 rows sent again"]);
      askForRedelivery(state, "all", 0, END_OF_TIME_MS);
      assert.equal(pieces(inside, 9).flat().length, 3);
      assert.deepEqual(results(), ["alice: 1 row sent again", "bob: 2 rows sent again"]);
    })
  );
});

Deno.test("a piece has a hundred windows at most, however few aggregates they have", () =>
  inTemporaryDirectory((directory) => {
    live(directory, (inside) => {
      inside.take(Array.from({ length: 150 }, (_, second) => ({ name: "a", value: 1, timestamp: second })));
      inside.save(true);
      deliver(inside);
      askForRedelivery(inside.state, "all", 0, END_OF_TIME_MS);
      assert.deepEqual(pieces(inside, 1000).map(({ length }) => length), [100, 50]);
    });
  }));
