import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { ALL_WINDOWS } from "../../src/control/span.ts";
import { verify } from "../../src/control/verification.ts";
import type { Sink } from "../../src/contract/sink.ts";
import type { ReadBack } from "../../src/contract/read_back.ts";
import { readDeadLetters } from "../../src/state/letters/dead_letters.ts";
import { Books } from "../../src/state/checkpoint/books.ts";
import { simulationDirectory } from "../sim/replay.ts";
import { Inside } from "../state/inside.ts";

const SINKS = ["a", "b", "c"];
const NAMES = ["x", "y"];

/** What a run of the handler is given: which sinks there are, and which of them each name goes to. */
interface Setup {
  readonly sinks: readonly string[];
  readonly routes: Readonly<Record<string, readonly string[]>>;
}

type Step =
  | { readonly kind: "restart"; readonly setup: Setup }
  | { readonly kind: "events"; readonly events: readonly { name: string; window: number }[] }
  | {
    readonly kind: "deliver";
    readonly sink: string;
    readonly count: number;
    /** What the sink does with the last of them. */
    readonly ending: "taken" | "taken, answer lost" | "rejected";
  }
  | { readonly kind: "settle"; readonly action: "retry" | "purge"; readonly sink: string };

interface ModelRow {
  readonly key: string;
  readonly revision: number;
  readonly count: number;
}

/**
 * A sink as the rules have it: what is routed to it while it is there goes into its queue, and from there
 * into its table.
 */
class ModelSink {
  queue: (ModelRow & { isAgain?: boolean })[] = [];
  rejected: (ModelRow & { isPurged?: boolean })[] = [];
  readonly table = new Map<string, ModelRow>();
  /** The newest of what it was ever handed or would have been, rejected or not. */
  readonly routed = new Map<string, number>();

  route(row: ModelRow): void {
    this.queue.push(row);
    this.routed.set(row.key, row.count);
  }

  take(row: ModelRow): void {
    const there = this.table.get(row.key);
    if (!there || row.revision > there.revision) this.table.set(row.key, row);
  }

  get events(): number {
    return [...this.table.values()].reduce((sum, { count }) => sum + count, 0);
  }
}

/** The backend of a sink. */
class Backend implements Sink, ReadBack {
  readonly repeat = "upsert";
  readonly readBack = this;
  readonly cost = "cheap";
  readonly rows = new Map<string, Aggregate>();

  constructor(readonly id: string) {}

  put(row: Aggregate): void {
    const there = this.rows.get(keyOf(row));
    if (!there || row.revision > there.revision) this.rows.set(keyOf(row), row);
  }

  sumOfCounts = () => Promise.resolve([...this.rows.values()].reduce((sum, { count }) => sum + count, 0));
  rowsOfWindow = (_instance: string, startMs: number, endMs: number) =>
    Promise.resolve(
      [...this.rows.values()].filter((row) => row.windowStartMs === startMs && row.windowEndMs === endMs),
    );
  open = (context: { cursor: number }) => Promise.resolve(context.cursor);
  write = () => Promise.resolve();
  probe = () => Promise.resolve("here");
  close = () => Promise.resolve();
}

const keyOf = (row: Pick<Aggregate, "name" | "windowStartMs">) => `${row.name} ${row.windowStartMs}`;

const setups: fc.Arbitrary<Setup> = fc.record({
  sinks: fc.subarray(SINKS, { minLength: 1 }),
  wanted: fc.record(Object.fromEntries(NAMES.map((name) => [name, fc.subarray(SINKS)]))),
}).map(({ sinks, wanted }) => ({
  sinks,
  routes: Object.fromEntries(
    NAMES.map((name) => [name, sinks.filter((sink) => wanted[name]!.includes(sink))]),
  ),
}));

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("restart" as const), setup: setups }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("events" as const),
      events: fc.array(fc.record({ name: fc.constantFrom(...NAMES), window: fc.nat({ max: 2 }) }), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("deliver" as const),
      sink: fc.constantFrom(...SINKS),
      count: fc.integer({ min: 1, max: 9 }),
      ending: fc.constantFrom(
        "taken" as const,
        "taken" as const,
        "taken, answer lost" as const,
        "rejected" as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("settle" as const),
      action: fc.constantFrom("retry" as const, "purge" as const),
      sink: fc.constantFrom(...SINKS),
    }),
  },
);

/** Plays the same steps in the product and in the model. */
class Play {
  readonly backends = new Map(SINKS.map((name) => [name, new Backend(name)]));
  readonly models = new Map(SINKS.map((name) => [name, new ModelSink()]));
  private readonly totals = new Map<string, ModelRow>();
  inside: Inside;

  constructor(private readonly directory: string, private setup: Setup) {
    this.inside = this.open(setup, []);
  }

  private open(setup: Setup, forget: string[]): Inside {
    return new Inside(this.directory, {
      sinks: [...setup.sinks],
      forget,
      router: { always: undefined, sinksFor: (name) => setup.routes[name]! },
    });
  }

  play(step: Step): void {
    if (step.kind === "restart") this.restart(step.setup);
    else if (step.kind === "events") this.close(step.events);
    else if (!this.setup.sinks.includes(step.sink)) return;
    else if (step.kind === "deliver") this.deliver(step);
    else this.settle(step);
  }

  private restart(setup: Setup): void {
    this.inside.state.close();
    const gone = this.setup.sinks.filter((name) => !setup.sinks.includes(name));
    const forget = gone.filter((name) => this.models.get(name)!.queue.length > 0);
    for (const name of gone) {
      const model = this.models.get(name)!;
      // What it had rejected, and that was to be tried again, it will not get either.
      for (const row of model.queue) if (row.isAgain) model.rejected.push({ ...row, isPurged: true });
      model.queue = [];
    }
    this.setup = setup;
    this.inside = this.open(setup, forget);
  }

  private close(events: readonly { name: string; window: number }[]): void {
    this.inside.take(events.map(({ name, window }) => ({ name, value: 1, timestamp: window })));
    this.inside.save(true);
    const touched = new Map<string, number>();
    for (const { name, window } of events) {
      const key = keyOf({ name, windowStartMs: window * 1000 });
      touched.set(key, (touched.get(key) ?? 0) + 1);
    }
    for (const [key, count] of touched) {
      const before = this.totals.get(key);
      const row = { key, revision: (before?.revision ?? -1) + 1, count: (before?.count ?? 0) + count };
      this.totals.set(key, row);
      for (const sink of this.setup.routes[key.split(" ")[0]!]!) this.models.get(sink)!.route(row);
    }
  }

  private deliver({ sink, count, ending }: Step & { kind: "deliver" }): void {
    const { outbox } = this.inside;
    const backend = this.backends.get(sink)!;
    const model = this.models.get(sink)!;
    for (let left = count; left > 0;) {
      const batch = outbox.read(sink, outbox.cursor(sink), 1);
      if (!batch) break;
      const [aggregate] = batch.aggregates;
      if (!aggregate) {
        outbox.advance(sink, batch.nextId);
        continue;
      }
      // Rows that closed together have no order among themselves.
      const at = model.queue.findIndex(({ key, revision }) =>
        key === keyOf(aggregate) && revision === aggregate.revision
      );
      const row = model.queue[at]!;
      assert.equal(aggregate.count, row?.count);
      left--;
      const isLast = left === 0;
      if (isLast && ending === "rejected") {
        outbox.reject(sink, aggregate, { reason: "rejected", detail: "no" }, batch.nextId);
        model.queue.splice(at, 1);
        model.rejected.push(row);
        continue;
      }
      backend.put(aggregate);
      model.take(row);
      if (isLast && ending === "taken, answer lost") break;
      outbox.advance(sink, batch.nextId);
      model.queue.splice(at, 1);
    }
    this.inside.save();
  }

  private settle({ action, sink }: Step & { kind: "settle" }): void {
    const deadLetters = readDeadLetters(this.inside.state, { limit: 99 }).filter((deadLetter) =>
      deadLetter.sink === sink
    );
    this.inside.request(action, deadLetters);
    const model = this.models.get(sink)!;
    const open = model.rejected.filter(({ isPurged }) => !isPurged);
    if (action === "purge") {
      model.rejected = model.rejected.map((row) => ({ ...row, isPurged: true }));
      return;
    }
    model.rejected = model.rejected.filter(({ isPurged }) => isPurged);
    for (const row of open) {
      // A newer one, which holds all of it, has been handed over or waits.
      const isSuperseded = this.newestHanded(sink, row.key) > row.revision;
      if (isSuperseded) model.rejected.push({ ...row, isPurged: true });
      else model.queue.push({ ...row, isAgain: true });
    }
  }

  private newestHanded(sink: string, key: string): number {
    const model = this.models.get(sink)!;
    return Math.max(
      model.table.get(key)?.revision ?? -1,
      ...[...model.queue, ...model.rejected].filter((row) => row.key === key).map(({ revision }) => revision),
    );
  }

  async check(): Promise<void> {
    const backends = this.setup.sinks.map((name) => this.backends.get(name)!);
    for (const name of SINKS) {
      const rows = [...this.backends.get(name)!.rows.values()];
      const expected = this.models.get(name)!.table;
      assert.deepEqual(
        new Map(
          rows.map((row) => [keyOf(row), { key: keyOf(row), revision: row.revision, count: row.count }]),
        ),
        new Map([...expected].map(([key, { revision, count }]) => [key, { key, revision, count }])),
      );
    }
    const proof = await verify(this.inside.state, backends, ALL_WINDOWS, new AbortController().signal);
    assert.deepEqual(proof.sinks.flatMap(({ differences }) => differences), []);
    assert.ok(proof.proven);
    for (const { sink, found_events: found } of proof.sinks) {
      assert.equal(found, this.models.get(sink)!.events);
    }
  }

  /**
   * What a sink lacks of what it would have got, had nobody given anything up: only where nothing was
   * rejected.
   */
  checkGivenUp(): void {
    const books = new Books(this.inside.state);
    for (const { id: name, givenUpCount } of [...books.sinks, ...books.absentSinks]) {
      const model = this.models.get(name)!;
      const waiting = new Map(model.queue.map((row) => [row.key, row.count]));
      let lacking = 0;
      for (const [key, count] of model.routed) {
        lacking += Math.max(0, count - (waiting.get(key) ?? model.table.get(key)?.count ?? 0));
      }
      assert.equal(givenUpCount, lacking, `${name} lacks`);
    }
  }

  /** The proof fails for each row that is not as it must be. */
  async checkTampered(): Promise<void> {
    for (const name of this.setup.sinks) {
      const backend = this.backends.get(name)!;
      for (const [key, row] of [...backend.rows]) {
        backend.rows.delete(key);
        const proof = await verify(this.inside.state, [backend], ALL_WINDOWS, new AbortController().signal);
        backend.rows.set(key, row);
        const model = this.models.get(name)!;
        // Where only the answer was missing the row need not be there.
        const isDoubtful = model.queue.some((waiting) =>
          waiting.key === key && waiting.revision <= row.revision
        );
        if (!isDoubtful) assert.equal(proof.proven, false, `${name} without ${key}`);
      }
    }
  }
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = simulationDirectory();
  try {
    await work(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("routes and sinks that come and go: what a right sink holds is proven, after every step", async () => {
  await fc.assert(
    fc.asyncProperty(
      setups,
      fc.array(steps, { maxLength: 30, size: "max" }),
      (setup, script) =>
        inDirectory(async (directory) => {
          const play = new Play(directory, setup);
          try {
            for (const step of script) {
              play.play(step);
              await play.check();
            }
          } finally {
            play.inside.state.close();
          }
        }),
    ),
    { numRuns: 30 },
  );
});

Deno.test("routes and sinks that come and go: what was given up is counted, until a correction brings it", async () => {
  const plain = steps.filter((step) =>
    step.kind !== "settle" && !(step.kind === "deliver" && step.ending !== "taken")
  );
  await fc.assert(
    fc.asyncProperty(
      setups,
      fc.array(plain, { maxLength: 30, size: "max" }),
      (setup, script) =>
        inDirectory(async (directory) => {
          const play = new Play(directory, setup);
          try {
            for (const step of script) {
              play.play(step);
              play.checkGivenUp();
            }
            await play.checkTampered();
          } finally {
            play.inside.state.close();
          }
        }),
    ),
    { numRuns: 20 },
  );
});
