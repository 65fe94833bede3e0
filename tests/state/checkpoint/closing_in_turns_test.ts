import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import fc from "../../support/fast_check.ts";
import { TOUCH_RUN } from "../../../src/aggregation/open_windows.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import type { StateDatabase } from "../../../src/state/file/state_database.ts";
import { Inside, type InsideOptions } from "../inside.ts";

const FUNCTIONS = ["sum", "min", "last", "p90"];
const OPTIONS: InsideOptions = { windowSizeMs: 1000, sinks: ["x", "y"], maxSeries: 100_000 };

interface Event {
  readonly name: string;
  readonly value: number;
  readonly timestamp: number;
  readonly agg_func: string;
}

/** Of two windows at most, so that many events correct what is closed. */
const EVENT = fc.record({
  name: fc.integer({ min: 0, max: 5000 }).map((n) => `plant.${n % 2 === 0 ? "even" : "odd"}.${n}`),
  value: fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constant(1e308)),
  timestamp: fc.constantFrom(0.5, 1.5),
  agg_func: fc.constantFrom(...FUNCTIONS),
});
const BATCH = fc.array(EVENT, { minLength: 1, maxLength: 1200, size: "max" });

/** A line for each row of a state, but for what tells it from others, with checksums for blobs. */
function contents(state: StateDatabase): string {
  const tables = state.all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'meta'",
  );
  const cell = (_: string, value: unknown) => value instanceof Uint8Array ? crc32(value) : value;
  return tables.flatMap(({ name }) =>
    state.all(`SELECT * FROM ${name} ORDER BY 1, 2`).map((row) => `${name} ${JSON.stringify(row, cell)}`)
    // The checksum of the small tables has the identity of the state.
  ).filter((line) => !line.includes("small tables")).join("\n");
}

/** Closes all windows with rows that were made before. Returns how often it has given way. */
async function closeInTurns(inside: Inside, between: (turn: number) => void = () => {}): Promise<number> {
  const { aggregator, checkpoint } = inside;
  let turns = 0;
  await checkpoint.closer.prepare(aggregator, aggregator.windowsWhere(() => true), () => {
    between(turns++);
    return Promise.resolve();
  });
  inside.save(true);
  return turns;
}

async function inTwo(work: (one: Inside, other: Inside) => Promise<void>): Promise<void> {
  const directories = [await Deno.makeTempDir(), await Deno.makeTempDir()] as const;
  const insides = directories.map((directory) => new Inside(directory, { ...OPTIONS, rowsAStep: 300 }));
  try {
    await work(insides[0]!, insides[1]!);
  } finally {
    for (const { state } of insides) state.close();
    for (const directory of directories) await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("property: windows that close in turns leave the state that they leave in one piece", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(BATCH, { minLength: 1, maxLength: 3 }), async (batches) => {
      await inTwo(async (one, other) => {
        for (const batch of batches) {
          one.take(batch);
          other.take(batch);
          await closeInTurns(one);
          other.save(true);
          assert.equal(contents(one.state), contents(other.state));
        }
        one.state.seal.check();
      });
    }),
    { seed: 177, numRuns: 12, endOnFailure: true },
  );
});

const SERIES = 5000;
const all = (timestamp: number, value = 1): Event[] =>
  Array.from({ length: SERIES }, (_, n) => ({ name: `n${n}`, value, timestamp, agg_func: "sum" }));

Deno.test("no step of a close makes more rows than it may, and the transaction makes none", async () => {
  await inTwo(async (inside) => {
    inside.take(all(0.5));
    const { windows } = inside.aggregator;
    const made = windows.accumulator.bind(windows);
    const lookedUp = windows.series.archiveHash.bind(windows.series);
    let [rows, looks] = [0, 0];
    windows.accumulator = (slot) => {
      rows++;
      return made(slot);
    };
    windows.series.archiveHash = (series) => {
      looks++;
      return lookedUp(series);
    };
    const steps: { rows: number; looks: number }[] = [];
    const turns = await closeInTurns(inside, () => {
      steps.push({ rows, looks });
      [rows, looks] = [0, 0];
    });
    assert.ok(turns >= SERIES / (300 + TOUCH_RUN));
    assert.ok(Math.max(...steps.map((step) => step.rows)) < 300 + TOUCH_RUN);
    // A look costs an eighth of a row, and each row that is made is looked up once more.
    assert.ok(Math.max(...steps.map((step) => step.looks)) < 8 * 300 + 2 * TOUCH_RUN);
    assert.ok(rows < 300 + TOUCH_RUN, "the last step and the transaction");
    assert.equal(steps.reduce((sum, step) => sum + step.rows, rows), SERIES);
  });
});

const MEANWHILE: Readonly<Record<string, (inside: Inside) => void>> = {
  "events come for them": (inside) => inside.take(all(0.5, 7)),
  "a checkpoint closes them": (inside) => inside.save(true),
  "a checkpoint closes none": (inside) => inside.save(false, { closing: [] }),
  "events come for another window": (inside) => inside.take(all(1.5).slice(0, 9)),
};

for (const [what, happen] of Object.entries(MEANWHILE)) {
  for (const at of [0, 8, 14]) {
    Deno.test(`rows that were made do not count when meanwhile ${what}, at turn ${at}`, async () => {
      await inTwo(async (one, other) => {
        for (const inside of [one, other]) inside.take(all(0.5));
        await closeInTurns(one, (turn) => turn === at && happen(one));
        happen(other);
        other.save(true);
        assert.equal(contents(one.state), contents(other.state));
      });
    });
  }
}

Deno.test("a transaction that fails has used up what was made for it", async () => {
  await inTwo(async (one, other) => {
    for (const inside of [one, other]) inside.take([...all(0.5), ...all(1.5)]);
    const { aggregator, checkpoint, state: { seal } } = one;
    const [first] = aggregator.windowsWhere(() => true);
    await checkpoint.closer.prepare(aggregator, [first!], () => Promise.resolve());
    const put = seal.put.bind(seal);
    let segments = 0;
    seal.put = (...row) => {
      // The last one, of the window that was not prepared.
      if (++segments === 4) throw new StateError("unwritable", "disk full");
      return put(...row);
    };
    assert.throws(() => one.save(true), StateError);
    seal.put = put;
    for (const inside of [one, other]) inside.save(true);
    assert.equal(contents(one.state), contents(other.state));
  });
});
