import assert from "node:assert/strict";
import { join } from "node:path";
import { BOOK_ENTRIES } from "../../../src/aggregation/event_books.ts";
import { FigureHistory } from "../../../src/state/figures/figure_history.ts";
import { FIGURE_FILE_MAX_BYTES } from "../../../src/state/figures/figure_file.ts";
import { type Figures, keptSources } from "../../../src/state/figures/figures.ts";
import { figuresAt } from "./figure_samples.ts";
import { loggerTo } from "../../support/logs.ts";

const STEP_MS = 10_000;
/** A time at which a coarse step begins. */
const BASE_MS = 1_700_000_100_000;
/** Coarse steps of a day, fine ones of an hour and a coarse step, and what is appended in an hour. */
const LINES_MAX = 289 + 391 + 360;

/** A state directory, its history, and what is logged about it. */
class Desk implements Disposable {
  readonly directory = Deno.makeTempDirSync();
  readonly file = join(this.directory, "figures.ndjson");
  readonly log: string[] = [];
  history = this.open();

  open(): FigureHistory {
    return this.history = FigureHistory.open(this.directory, loggerTo(this.log));
  }

  /** Adds a step for each number of events. */
  add(firstMs: number, ...received: number[]): void {
    for (const [i, count] of received.entries()) this.history.add(figuresAt(firstMs + i * STEP_MS, count));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

const received = (steps: readonly Figures[]) => steps.map(({ events }) => events.received);
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

Deno.test("the history is the same after a restart, whenever it comes, and counts nothing twice", () => {
  using desk = new Desk();
  // Five hours: the file is rewritten several times. 97 is no divisor of anything here.
  const counts = Array.from({ length: 1800 }, (_, i) => i);
  for (const [i, count] of counts.entries()) {
    desk.add(BASE_MS + 130_000 + i * STEP_MS, count);
    if (i % 97 !== 0) continue;
    const before = desk.history;
    assert.deepEqual(desk.open().steps("day"), before.steps("day"), `after ${i} steps`);
    const hour = before.steps("hour").slice(-360);
    assert.deepEqual(desk.history.steps("hour").slice(-hour.length), hour, `after ${i} steps`);
  }
  const { history } = desk;
  assert.deepEqual(received(history.steps("hour")).slice(-360), counts.slice(-360));
  assert.equal(sum(received(history.steps("day"))), sum(counts));
  assert.equal(sum(history.steps("day").map(({ seconds }) => seconds)), 18_000);
  assert.deepEqual(new Set(history.steps("day").map(({ atMs }) => atMs % 300_000)), new Set([0]));
  assert.deepEqual(desk.log, []);
});

Deno.test("file and memory have a bound: an hour in fine steps, a day in coarse ones", () => {
  using desk = new Desk();
  const endMs = BASE_MS + 26 * 3_600_000;
  // A step each two minutes is enough for the first day.
  for (let atMs = BASE_MS; atMs < endMs - 10_800_000; atMs += 120_000) desk.add(atMs, 1);
  for (let atMs = endMs - 10_800_000; atMs < endMs; atMs += STEP_MS) desk.add(atMs, 1);
  assert.ok(desk.history.steps("hour").length <= 391);
  assert.equal(desk.history.steps("day").length, 289);
  const lines = Deno.readTextFileSync(desk.file).split("\n").length;
  assert.ok(lines <= LINES_MAX, `${lines} lines`);
});

Deno.test("the longest lines there can be fit into the file, and a step has no more names than there are", () => {
  using desk = new Desk();
  const many = (kind: string, index: number) => `${kind}${index}`.padEnd(510, "x");
  const count = Number.MAX_SAFE_INTEGER;
  const lagMs = 1_700_000_000_000.123;
  const longest = (from: number) => ({
    events: Object.fromEntries(BOOK_ENTRIES.map((entry) => [entry, count])) as unknown as Figures["events"],
    seconds: 10.123456789012345,
    outboxRows: count,
    openWindows: count,
    watermarkLagMs: lagMs,
    sources: Array.from(
      { length: 16 },
      (_, i) => ({ name: many("source", from + i), received: count, lagMs, unread: count }),
    ),
    sinks: Array.from(
      { length: 32 },
      (_, i) => ({ name: many("sink", from + i), delivered: count, rejected: count, waiting: count }),
    ),
  });
  desk.history.add(figuresAt(BASE_MS, 0, longest(0)));
  const { size } = Deno.statSync(desk.file);
  assert.ok(size * LINES_MAX <= FIGURE_FILE_MAX_BYTES, `${size} bytes a line`);
  desk.history.add(figuresAt(BASE_MS, 0, longest(100)));
  const [step] = desk.history.steps("day");
  assert.deepEqual([step!.sources.length, step!.sinks.length], [16, 32]);
  const named = [{ name: many("source", 1) }, { name: "ü".repeat(300) }, { name: "\u0001".repeat(90) }];
  assert.deepEqual(keptSources(named), named.slice(0, 1), "what is written counts, not characters");
});

Deno.test("a line that a crash has cut off is left out, and the file is whole again with the next step", () => {
  using desk = new Desk();
  desk.add(BASE_MS, 1, 2, 3);
  const text = Deno.readTextFileSync(desk.file);
  Deno.writeTextFileSync(desk.file, text.slice(0, -20));
  assert.deepEqual(received(desk.open().steps("hour")), [1, 2]);
  desk.add(BASE_MS + 3 * STEP_MS, 4);
  assert.deepEqual(received(desk.open().steps("hour")), [1, 2, 4]);
  assert.deepEqual(desk.log, []);
});

Deno.test("what is no history is set aside with a warning, and what is good in it stays", () => {
  using desk = new Desk();
  desk.add(BASE_MS, 1, 2, 3);
  const text = Deno.readTextFileSync(desk.file);
  for (
    const [bad, kept] of [
      [text.replace('"received":2', '"received":7'), [1, 3]],
      ["[1,2,3]\n", []],
      ["\0\u00ff\n".repeat(1000), []],
    ] as const
  ) {
    desk.log.length = 0;
    Deno.writeTextFileSync(desk.file, bad);
    assert.deepEqual(received(desk.open().steps("hour")), kept);
    assert.equal(desk.log.length, 1);
    assert.match(desk.log[0]!, /set aside.*figures\.ndjson\.set-aside.*line \d holds no figures/);
    assert.equal(Deno.readTextFileSync(`${desk.file}.set-aside`), bad);
    assert.deepEqual(received(desk.open().steps("day")), kept.length === 0 ? [] : [4]);
    assert.equal(desk.log.length, 1, "the file is good again");
  }
});

Deno.test("a huge file is not read", () => {
  using desk = new Desk();
  Deno.writeTextFileSync(desk.file, "");
  Deno.truncateSync(desk.file, 33 << 20);
  assert.deepEqual(desk.open().steps("hour"), []);
  assert.match(desk.log[0]!, /set aside.*more than \d+ bytes/);
  assert.equal(Deno.statSync(desk.file).size, 0);
});

Deno.test("where the file cannot be used, that is said once, and the history goes on in memory", () => {
  using desk = new Desk();
  desk.add(BASE_MS, 1);
  Deno.removeSync(desk.file);
  Deno.mkdirSync(desk.file);
  desk.add(BASE_MS + STEP_MS, 2, 3);
  assert.deepEqual(received(desk.history.steps("hour")), [1, 2, 3]);
  assert.equal(desk.log.length, 1);
  assert.match(desk.log[0]!, /kept in memory only/);
  Deno.removeSync(desk.file);
  desk.add(BASE_MS + 3 * STEP_MS, 4);
  assert.equal(sum(received(desk.open().steps("day"))), 10, "all of it is written again");
});

Deno.test("a clock that was ahead leaves no steps in the future, and one set back a little counts on", () => {
  using desk = new Desk();
  desk.add(BASE_MS, 1, 2);
  desk.add(BASE_MS + 1_000_000, 3);
  desk.add(BASE_MS + 2 * STEP_MS, 4, 5);
  desk.add(BASE_MS + 3 * STEP_MS, 6);
  assert.deepEqual(received(desk.history.steps("hour")), [1, 2, 4, 11]);
  assert.deepEqual(received(desk.open().steps("hour")), [1, 2, 4, 11]);
});

Deno.test("the file is written anew after each hour of lines, and has each figure once", () => {
  using desk = new Desk();
  const file = () => Deno.statSync(desk.file).ino;
  const lines = () => Deno.readTextFileSync(desk.file).split("\n").length - 1;
  /** Adds steps until the file is another one. Returns how many that were. */
  const addUntilNew = (atMs: number) => {
    const before = file();
    let count = 0;
    for (; file() === before; count++) desk.add(atMs + count * STEP_MS, 1);
    return count;
  };
  desk.add(BASE_MS + 130_000, 1);
  assert.equal(addUntilNew(BASE_MS + 140_000), 360);
  // The seventeen of the first coarse step are one line.
  assert.equal(lines(), 361 - 17 + 1);
  assert.equal(addUntilNew(BASE_MS + 130_000 + 361 * STEP_MS), 361);
  desk.open();
  assert.equal(sum(received(desk.history.steps("day"))), 722);
  assert.equal(addUntilNew(BASE_MS + 130_000 + 722 * STEP_MS), 1, "as many as that are there already");
  assert.deepEqual(desk.log, []);
});

Deno.test("what could not be read is set aside by the first step, and a failure is told again after a success", () => {
  using desk = new Desk();
  Deno.mkdirSync(desk.file);
  assert.deepEqual(desk.open().steps("hour"), []);
  assert.equal(desk.log.length, 1);
  Deno.removeSync(desk.file);
  Deno.writeTextFileSync(desk.file, "perhaps good");
  desk.add(BASE_MS, 1, 2);
  const aside = `${desk.file}.set-aside`;
  assert.equal(Deno.readTextFileSync(aside), "perhaps good");
  assert.deepEqual(received(desk.open().steps("hour")), [1, 2]);
  assert.equal(desk.log.length, 1);
  Deno.removeSync(desk.file);
  Deno.mkdirSync(desk.file);
  desk.add(BASE_MS + 2 * STEP_MS, 3, 4);
  assert.equal(desk.log.length, 2);
  assert.match(desk.log[1]!, /kept in memory only/);
});

Deno.test("of a file that is no history the first bad line is told, and nothing takes the name of a directory", () => {
  using desk = new Desk();
  desk.history.add(figuresAt(BASE_MS, 1, { seconds: 0.4 }));
  const good = Deno.readTextFileSync(desk.file);
  Deno.writeTextFileSync(desk.file, `${good}bad\nbad\n`);
  Deno.writeTextFileSync(`${desk.file}.new`, "what a crash has left".repeat(1000));
  assert.deepEqual(received(desk.open().steps("hour")), [1]);
  assert.match(desk.log[0]!, /line 2 holds no figures/);
  assert.equal(Deno.readTextFileSync(desk.file), good);
  const aside = `${desk.file}.set-aside`;
  Deno.removeSync(aside);
  Deno.mkdirSync(aside);
  Deno.writeTextFileSync(desk.file, "bad\n");
  desk.open();
  assert.match(desk.log[1]!, /kept in memory only.*set-aside.* a directory/);
  assert.equal(Deno.readTextFileSync(desk.file), "bad\n");
});
