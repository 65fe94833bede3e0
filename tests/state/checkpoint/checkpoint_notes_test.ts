/** What a checkpoint takes note of besides aggregates, and what a handler finds of it after a restart. */
import assert from "node:assert/strict";
import { LogHistory } from "../../../src/event/log_history.ts";
import { readAudit } from "../../../src/state/audit.ts";
import { readBookEntries } from "../../../src/state/checkpoint/book_entries.ts";
import { Books } from "../../../src/state/checkpoint/books.ts";
import { readDroppedWindows } from "../../../src/state/checkpoint/dropped_windows.ts";
import { readSetting } from "../../../src/state/checkpoint/settings_in_force.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { readRefusalAlarms } from "../../../src/state/letters/refusal_alarms.ts";
import { Segment } from "../../../src/state/outbox/segment.ts";
import { Inside, type InsideOptions, inTemporaryDirectory, withInside } from "../inside.ts";
import { rowsOf } from "../../support/rows_of.ts";

/** Gives a handler's core on a directory to each of `lives`, one after another. */
function overRestarts(options: InsideOptions, ...lives: ((inside: Inside) => void)[]): void {
  inTemporaryDirectory((directory) => {
    for (const live of lives) {
      const inside = new Inside(directory, options);
      try {
        live(inside);
      } finally {
        inside.state.close();
      }
    }
  });
}

const reading = (timestamp: number, name = "a") => ({ name, value: 1, timestamp });

Deno.test("events that were given up or may be counted twice are counted, and the order is noted", () =>
  withInside((inside) => {
    const order = { who: "root", atMs: 5, action: "--skip-to", detail: "bus=9" };
    inside.save(false, { lost: 5, skipped: 3, doubtful: 2, orders: [[order, "3 events given up"]] });
    inside.save(false, { lost: 1, skipped: 1, doubtful: 4 });
    const entries = readBookEntries(inside.state);
    assert.deepEqual(["lost", "skipped", "perhaps_counted_twice"].map((name) => entries.get(name)), [
      6,
      4,
      6,
    ]);
    assert.deepEqual(readAudit(inside.state, 9), [{ ...order, result: "3 events given up" }]);
  }));

Deno.test("alarms are in the state as long as they stand, and end after a restart, too", () => {
  const alarm = { reason: "invalid", detail: "7 of 9 events of bus", since: 5 };
  overRestarts({}, (inside) => {
    inside.save();
    const told = [[alarm], [], [], [alarm, alarm], [alarm]].map((alarms) => {
      inside.save(false, { alarms });
      return readRefusalAlarms(inside.state);
    });
    assert.deepEqual(told, [[alarm], [], [], [alarm, alarm], [alarm]]);
  }, (inside) => {
    assert.deepEqual(readRefusalAlarms(inside.state), [alarm]);
    inside.save();
    assert.deepEqual(readRefusalAlarms(inside.state), []);
  });
});

Deno.test("a checkpoint writes the rows that have changed since the last one, and no others", () =>
  withInside((inside) => {
    const { checkpoint, state: { seal } } = inside;
    const written: string[] = [];
    const put = seal.put.bind(seal);
    seal.put = (table, ...row) => {
      written.push(table);
      return put(table, ...row);
    };
    const tables = (...events: object[]) => {
      written.length = 0;
      if (events.length > 0) inside.take(events);
      inside.save();
      return written.toSorted();
    };
    const [event, next] = ["1", "2"].map((id) => ({ ...reading(5), id }));
    assert.deepEqual(tables(event!), ["open_page_keys", "open_page_values", "recent_ids"]);
    assert.deepEqual(tables(), []);
    assert.deepEqual(tables(next!), ["open_page_values", "recent_ids"]);
    assert.deepEqual(tables(reading(5, "another")), ["open_page_keys", "open_page_values"]);
    assert.deepEqual(tables(), []);
    const pages = () => {
      const count = "SELECT count(*) AS n FROM";
      return ["open_page_keys", "open_page_values"].map((table) =>
        inside.state.get<{ n: number }>(`${count} ${table}`)!.n
      );
    };
    assert.deepEqual(pages(), [1, 1]);
    inside.save(true);
    assert.deepEqual(pages(), [0, 0]);
    const noAlarms = () =>
      inside.state.get("SELECT 1 FROM meta WHERE key = 'refusal_alarms' AND value = '[]'") !== undefined;
    assert.equal(noAlarms(), true);
    inside.state.transaction(() => inside.state.run("DELETE FROM meta WHERE key = 'refusal_alarms'"));
    inside.save();
    assert.equal(noAlarms(), false, "where none stand, none are written");
    checkpoint.leave(0, { source: "bus", partition: "", lineage: "L", position: "5" });
    assert.notEqual(checkpoint.leftLineage("L"), undefined);
    inside.save();
    assert.equal(checkpoint.leftLineage("L"), undefined, "the partition has it");
  }, { dedupMaxIds: 9 }));

Deno.test("settings are in force from the checkpoint that writes them", () =>
  withInside((inside) => {
    const { checkpoint, state } = inside;
    const change = (functions: string) =>
      checkpoint.change({
        correctionHorizonMs: 1e9,
        longestWindowMs: 1000,
        settings: new Map([["AGG_FUNCTIONS", functions]]),
      });
    const inForce = () => [readSetting(state, "AGG_FUNCTIONS"), checkpoint.hasNewSettings];
    change("sum");
    assert.deepEqual(inForce(), [undefined, false], "where there was no checkpoint, nothing has changed");
    inside.save();
    assert.deepEqual(inForce(), ["sum", false]);
    change("avg");
    assert.deepEqual(inForce(), ["sum", true]);
    inside.save();
    assert.deepEqual(inForce(), ["avg", false]);
  }));

Deno.test("a state file that is gone is noticed when it is asked for", () =>
  withInside(({ checkpoint, state }) => {
    checkpoint.assertStateInPlace();
    Deno.renameSync(state.path, `${state.path}.away`);
    assert.throws(
      () => checkpoint.assertStateInPlace(),
      (error) => error instanceof StateError && error.kind === "gone",
    );
    Deno.renameSync(`${state.path}.away`, state.path);
    checkpoint.assertStateInPlace();
  }));

Deno.test("the watermark and the greatest event time go on where they were", () =>
  overRestarts({}, (inside) => {
    inside.take([reading(7), reading(3)]);
    inside.save();
    assert.deepEqual([inside.aggregator.watermark.greatestOf(0)], [7000]);
  }, ({ aggregator: { watermark } }) => {
    assert.deepEqual([watermark.greatestOf(0), watermark.valueMs], [7000, 6500]);
  }));

Deno.test("a lineage that was left is known with its position and its event time, over a restart, too", () =>
  overRestarts({}, (inside) => {
    const { checkpoint } = inside;
    checkpoint.leave(0, { source: "bus", partition: "", lineage: "unread", position: undefined });
    inside.take([reading(7)]);
    assert.equal(checkpoint.leftLineage("L"), undefined);
    checkpoint.leave(0, { source: "bus", partition: "", lineage: "L", position: "9" });
    assert.deepEqual(checkpoint.leftLineage("L"), { position: "9" });
    inside.save(false, { partitions: [] });
  }, ({ checkpoint, aggregator: { watermark } }) => {
    assert.deepEqual(checkpoint.leftLineage("L"), { position: "9" });
    assert.equal(checkpoint.leftLineage("M"), undefined);
    assert.equal(watermark.greatestOf(0), -Infinity);
    checkpoint.takeOver(0, "L");
    assert.equal(watermark.greatestOf(0), 7000);
    assert.deepEqual(checkpoint.leftLineage("unread"), { position: undefined });
    checkpoint.takeOver(0, "unread");
    assert.equal(watermark.greatestOf(0), -Infinity);
  }));

Deno.test("windows that are deleted are told at once, and after a restart", () => {
  let told: unknown;
  const spans = ({ aggregator: { dropped } }: Inside) => [[...dropped.spans], dropped.spansOfAll];
  overRestarts({ horizonMs: 10_000 }, (inside) => {
    const none = spans(inside);
    inside.take([reading(0.5), reading(10.9)]);
    inside.save();
    inside.deliver(new Map());
    inside.save();
    assert.deepEqual(spans(inside), none);
    inside.take([reading(10.999)]);
    inside.save();
    told = spans(inside);
    assert.notDeepEqual(told, none);
    const stored = readDroppedWindows(inside.state, 0);
    assert.deepEqual([[...stored.spans], stored.spansOfAll], told);
  }, (inside) => {
    assert.deepEqual(spans(inside), told);
    inside.save();
    assert.deepEqual(spans(inside), told);
  });
});

Deno.test("the bound of dead letters holds for those of earlier checkpoints and lives", () => {
  const raw = new TextEncoder().encode("1");
  const refused = (offset: number) =>
    ({ reason: "invalid", detail: "no", bus: "bus", partition: "", offset, raw, rawBytes: 1 }) as const;
  const offsets = ({ state }: Inside) => readDeadLetters(state, { limit: 9 }).map(({ offset }) => offset);
  overRestarts({ deadLetterBound: { deadLetters: 2, bytes: 1000 } }, (inside) => {
    inside.save(false, { refused: [refused(1)] });
    inside.save(false, { refused: [refused(2)] });
    inside.save(false, { refused: [refused(3)] });
    assert.deepEqual(offsets(inside), [2, 3]);
  }, (inside) => {
    inside.save(false, { refused: [refused(4)] });
    assert.deepEqual(offsets(inside), [3, 4]);
    assert.equal(inside.checkpoint.counters.deadLettersDropped, 2);
  });
});

Deno.test("the books balance when windows close together, and are corrected after a restart", () => {
  const told = ({ state }: Inside) => {
    const books = new Books(state);
    const [sink] = books.sinks;
    return [...books.faults(), sink!.routedCount, ...books.routed(sink!)];
  };
  overRestarts({}, (inside) => {
    assert.equal(new Books(inside.state).outboxEndId, 0);
    assert.deepEqual(new Books(inside.state).faults(), [], "before the first checkpoint");
    inside.take([reading(0.1), reading(0.2), reading(1.1), reading(1.2), reading(1.3), reading(2)]);
    inside.save(true);
    assert.deepEqual(told(inside), [6, [1000, 6]]);
    assert.equal(new Books(inside.state).outboxEndId, 3);
  }, (inside) => {
    inside.take([reading(0.3), reading(1.4), reading(1.5)]);
    inside.save(true);
    assert.deepEqual(told(inside), [9, [1000, 9]]);
    inside.take([reading(5)]);
    inside.save(false, { closing: [] });
  }, (inside) => {
    inside.take([reading(5.1)]);
    inside.save(true);
    assert.deepEqual(told(inside), [11, [1000, 11]]);
  });
});

Deno.test("a correction tells which sinks did not get the revision before", () =>
  inTemporaryDirectory((directory) => {
    const rows: number[][] = [];
    for (const routed of [["x"], ["x", "y"], ["y"], []]) {
      const inside = new Inside(directory, {
        sinks: ["x", "y"],
        router: { always: routed, sinksFor: () => routed },
      });
      inside.take([reading(1)]);
      inside.save(true);
      const { rows: blob } = inside.state.get<{ rows: Uint8Array }>(
        "SELECT rows FROM segment ORDER BY first_id DESC LIMIT 1",
      )!;
      const { revision, count, previousCount, sinks, newSinks } = new Segment(blob);
      rows.push([revision[0]!, count[0]!, previousCount[0]!, sinks[0]!, newSinks[0]!]);
      inside.state.close();
    }
    assert.deepEqual(rows, [[0, 1, 0, 0b01, 0b01], [1, 2, 1, 0b11, 0b10], [2, 3, 2, 0b10, 0], [
      3,
      4,
      3,
      0,
      0,
    ]]);
  }));

Deno.test("an aggregate that is not finite goes to no sink, and no sink waits for it", () =>
  withInside((inside) => {
    inside.take([1e308, 1e308].map((value) => ({ name: "a", value, timestamp: 1, agg_func: "sum" })));
    inside.save(true);
    const { rows } = inside.state.get<{ rows: Uint8Array }>("SELECT rows FROM segment")!;
    const { sinks, newSinks } = new Segment(rows);
    assert.deepEqual([sinks[0], newSinks[0]], [0, 0]);
  }));

Deno.test("the books tell what a sink has refused: kept, purged, and by the length of the windows", () =>
  withInside((inside) => {
    inside.take([reading(1), reading(1), reading(1, "b"), reading(3, "c"), reading(3, "d")]);
    inside.save(true);
    const batch = inside.outbox.read("x", 0, 9)!;
    const { ids } = batch;
    const aggregates = rowsOf(batch);
    for (const [i, aggregate] of aggregates.entries()) {
      if (aggregate.name === "d") continue;
      inside.outbox.reject("x", aggregate, { reason: "rejected", detail: "no" }, ids[i]! + 1);
    }
    const refusedBy = () => {
      const books = new Books(inside.state);
      return books.sinks.map((sink) => {
        const { kept, purged, byLength } = books.refusedEvents(sink);
        return [sink.id, kept, purged, ...byLength];
      });
    };
    assert.deepEqual(refusedBy(), [["x", 4, 0, [1000, 4]], ["y", 0, 0]]);
    const deadLetters = readDeadLetters(inside.state, { limit: 9 });
    inside.request("purge", deadLetters.filter(({ aggregate }) => aggregate?.name === "a"));
    assert.deepEqual(refusedBy(), [["x", 2, 2, [1000, 4]], ["y", 0, 0]]);
  }, { sinks: ["x", "y"] }));

Deno.test("a wall clock that was set back caps event times, and what closed ahead of it is corrected", () => {
  const next = (inside: Inside, setBack: () => void) => {
    const { aggregator: { watermark } } = inside;
    setBack();
    assert.deepEqual([watermark.greatestOf(0), watermark.valueMs], [5000, 4500]);
    const before = inside.aggregator.lateArrivals;
    inside.take([reading(4.6)]);
    assert.equal(inside.aggregator.lateArrivals, before + 1, "its window has closed before");
    inside.save(true);
  };
  overRestarts({}, (inside) => {
    inside.take([reading(4.7), reading(7)]);
    inside.save(true);
    next(inside, () => inside.checkpoint.follow(5000));
    inside.take([reading(7)]);
    inside.save(true);
  }, (inside) => {
    assert.equal(inside.aggregator.watermark.greatestOf(0), 7000);
    next(inside, () => inside.checkpoint.restore(["bus"], 5000));
  });
});

Deno.test("partitions that exchange their lineages exchange their event times", () =>
  withInside(({ aggregator, checkpoint }) => {
    const other = aggregator.addPartition(0, 3000);
    aggregator.watermark.advance(0, 7000);
    checkpoint.exchange(0, other);
    assert.deepEqual([aggregator.watermark.greatestOf(0), aggregator.watermark.greatestOf(other)], [
      3000,
      7000,
    ]);
  }));

/** Whether an event with this id is a duplicate for the source; from now on it is. */
function isDuplicate(inside: Inside, id: string, source = 0): boolean {
  const before = inside.aggregator.books.duplicate;
  inside.take([{ ...reading(1), id }], source);
  return inside.aggregator.books.duplicate > before;
}

Deno.test("sources that exchange their lineages exchange the ids of their events, over a restart, too", () => {
  const told: boolean[][] = [];
  const askBoth = (inside: Inside) =>
    told.push([
      isDuplicate(inside, "of a", 1),
      isDuplicate(inside, "of b", 0),
      isDuplicate(inside, "of a", 0),
    ]);
  overRestarts({ sources: ["a", "b"], dedupMaxIds: 9 }, (inside) => {
    isDuplicate(inside, "of a", 0);
    isDuplicate(inside, "of b", 1);
    inside.save();
    inside.checkpoint.exchange(0, 1);
    inside.save();
    askBoth(inside);
  }, askBoth);
  assert.deepEqual(told, [[true, true, false], [true, true, false]]);
});

Deno.test("a source that goes on in the lineage of an earlier one has its ids and its event time", () =>
  inTemporaryDirectory((directory) => {
    const live = (source: string, work: (inside: Inside) => void) => {
      const inside = new Inside(directory, { sources: [source], dedupMaxIds: 9 });
      work(inside);
      inside.save();
      inside.state.close();
    };
    live("old", (inside) => assert.equal(isDuplicate(inside, "1"), false));
    live("new", (inside) => {
      assert.equal(inside.aggregator.watermark.greatestOf(0), -Infinity);
      inside.checkpoint.takeOver(0, "L");
      assert.equal(inside.aggregator.watermark.greatestOf(0), 1000);
      assert.equal(isDuplicate(inside, "1"), true);
      assert.equal(isDuplicate(inside, "2"), false);
    });
    live("new", (inside) => {
      assert.deepEqual(["1", "2", "3"].map((id) => isDuplicate(inside, id)), [true, true, false]);
      inside.checkpoint.leave(0, { source: "new", partition: "", lineage: "left", position: "5" });
      inside.checkpoint.takeOver(0, "left");
      assert.equal(isDuplicate(inside, "3"), true, "what a partition leaves has no ids of its own");
    });
  }));

Deno.test("each partition of a source goes on at its own event time", () => {
  const partition = (name: string, greatestMs: number) =>
    ({
      source: "bus",
      partition: name,
      ordinal: 0,
      lineage: `L${name}`,
      position: "1",
      greatestMs,
      hasGone: false,
      history: new LogHistory(),
    }) as const;
  overRestarts({}, (inside) => {
    inside.aggregator.addPartition(0, 3000);
    inside.save(false, { partitions: [partition("0", 7000), partition("1", 3000)] });
  }, ({ aggregator: { watermark } }) => {
    assert.deepEqual([0, 1].map((number) => watermark.greatestOf(number)), [7000, 3000]);
  });
});

Deno.test("a lineage that is not known yet has an empty history", () =>
  withInside(({ checkpoint }) => {
    assert.deepEqual(checkpoint.historyOf(undefined), new LogHistory());
    assert.deepEqual(checkpoint.historyOf("L"), new LogHistory());
  }));

Deno.test("a horizon that was made shorter holds from the next checkpoint on", () =>
  withInside((inside) => {
    const segments = () => inside.state.get<{ n: number }>("SELECT count(*) AS n FROM segment")!.n;
    inside.take([reading(0.5), reading(10.999)]);
    inside.save();
    inside.deliver(new Map());
    inside.save();
    assert.equal(segments(), 1);
    const { options } = inside.aggregator;
    const horizon = { correctionHorizonMs: 10_000, longestWindowMs: 1000 };
    inside.aggregator.change({ ...options, ...horizon });
    inside.checkpoint.change({ ...horizon, settings: new Map() });
    inside.save();
    assert.equal(segments(), 0);
  }));

Deno.test("what was given up of a sink is given up no more once a correction brings it", () =>
  inTemporaryDirectory((directory) => {
    const counts: [routed: number, givenUp: number][] = [];
    const live = (sinks: string[], forget: string[], work: (inside: Inside) => void) => {
      const inside = new Inside(directory, { sinks, forget });
      work(inside);
      const x = [...inside.registry.sinks, ...inside.registry.absent].find(({ id }) => id === "x")!;
      counts.push([x.routedCount, x.givenUpCount]);
      inside.state.close();
    };
    const correct = (inside: Inside) => {
      inside.take([reading(1)]);
      inside.save(true);
    };
    live(["x", "y"], [], (inside) => {
      correct(inside);
      inside.deliver(new Map(), "y");
      inside.save();
    });
    live(["y"], ["x"], () => {});
    live(["x", "y"], [], correct);
    live(["x", "y"], [], correct);
    assert.deepEqual(counts, [[1, 0], [0, 1], [2, 0], [3, 0]]);
  }));

Deno.test("what a sink refused and an operator purged is written off once it is final, by length, too", () =>
  withInside((inside) => {
    inside.take([reading(0.5), reading(0.6), reading(10.9)]);
    inside.save();
    const batch = inside.outbox.read("all", 0, 9)!;
    const { ids } = batch;
    const aggregates = rowsOf(batch);
    inside.outbox.reject("all", aggregates[0]!, { reason: "rejected", detail: "no" }, ids[0]! + 1);
    inside.request("purge", readDeadLetters(inside.state, { limit: 9 }));
    const told = () => {
      const books = new Books(inside.state);
      const [sink] = books.sinks;
      return [sink!.routedCount, sink!.purgedCount, [...books.routed(sink!)]];
    };
    assert.deepEqual(told(), [2, 0, [[1000, 2]]]);
    inside.take([reading(12.6)]);
    inside.save();
    assert.deepEqual(told(), [1, 2, [[1000, 1]]]);
  }, { horizonMs: 10_000 }));
