import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";
import { scanEvent } from "../../src/codec/event_scanner.ts";
import { fingerprintOf, LogHistory } from "../../src/event/log_history.ts";

const EXACT = 65_536;
const batch = new EventBatch();

function noteEvents(history: LogHistory, first: number, elements: readonly string[]): void {
  const next = first + elements.length;
  const text = `{"log":"L","offset":${first},"next":${next},"events":[${elements}]}`;
  scanReply(new TextEncoder().encode(text), batch);
  history.note(batch, first);
}

function fingerprint(element: string): number {
  scanEvent(new TextEncoder().encode(element), batch);
  return fingerprintOf(batch);
}

/** An event that tells its offset and the history it is of. */
function element(offset: number, life: number): string {
  if (offset % 97 === 0) return `NaN${offset}.${life}`;
  return `{"name":"n${offset % 7}","value":${life},"timestamp":${offset}}`;
}

/** Another reader and writer of the state, as the store is. */
function reloaded(kept: Kept): LogHistory {
  const pages = [...kept.pages].sort(([a], [b]) => a - b).map(([page, { first, hashes }]) => ({
    page,
    first,
    hashes,
  }));
  return LogHistory.restored({ pages, samples: kept.samples });
}

interface Kept {
  pages: Map<number, { first: number; hashes: Int32Array }>;
  samples: readonly { offset: number; hash: number }[];
}

function save(history: LogHistory, kept: Kept): void {
  const { pages, samples, areSamplesSaved, firstPage, endPage } = history.unsaved();
  for (const page of kept.pages.keys()) if (page < firstPage || page >= endPage) kept.pages.delete(page);
  for (const { page, first, hashes } of pages) kept.pages.set(page, { first, hashes: hashes.slice() });
  if (!areSamplesSaved) kept.samples = structuredClone([...samples]);
  history.saved();
}

Deno.test("property: whatever is read, skipped and read again, what is known of a log is right, and is the same after a restart", () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant("read" as const), count: fc.integer({ min: 1, max: 3000 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("read" as const),
        count: fc.integer({ min: 60_000, max: 140_000 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("skip" as const), count: fc.integer({ min: 1, max: 5000 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("back" as const), count: fc.integer({ min: 1, max: 9000 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("back" as const),
        count: fc.integer({ min: 1, max: 200_000 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("restart" as const), count: fc.constant(0) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("save" as const), count: fc.constant(0) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), fc.nat({ max: 2000 }), (steps, begin) => {
      let history = new LogHistory();
      const kept: Kept = { pages: new Map(), samples: [] };
      // Which life each offset was read in.
      const lives = new Map<number, number>();
      let next = begin;
      let life = 0;
      for (const { kind, count } of steps) {
        if (kind === "read") {
          noteEvents(history, next, Array.from({ length: count }, (_, i) => element(next + i, life)));
          for (let i = 0; i < count; i++) lives.set(next++, life);
        } else if (kind === "skip") {
          next += count;
          history.goOnAt(next);
        } else if (kind === "back") {
          for (const to = Math.max(0, next - count); next > to;) lives.delete(--next);
          life++;
          history.goOnAt(next);
        } else {
          save(history, kept);
          if (kind === "restart") history = reloaded(kept);
        }
        let before = -1;
        for (let i = 0; i < history.size; i += i > history.size - 200 ? 1 : 37) {
          const { offset, hash } = history.at(i);
          assert.ok(offset > before && offset < next, `${offset}`);
          assert.equal(hash, fingerprint(element(offset, lives.get(offset)!)), `${offset}`);
          assert.equal(history.countBefore(offset), i);
          before = offset;
        }
        // The last one that was read and is still there is known, wherever it is.
        if (kind === "read") assert.equal(history.at(history.size - 1).offset, next - 1);
      }
    }),
    { numRuns: 25 },
  );
});

Deno.test("what was read of a page before a gap is not known twice after a restart", () => {
  const history = new LogHistory();
  const kept: Kept = { pages: new Map(), samples: [] };
  noteEvents(history, 0, Array.from({ length: 700 }, (_, i) => element(i, 0)));
  save(history, kept);
  history.goOnAt(701);
  save(history, kept);
  const again = reloaded(kept);
  assert.equal(again.size, history.size);
  assert.deepEqual(
    Array.from({ length: again.size }, (_, i) => again.at(i).offset),
    Array.from({ length: history.size }, (_, i) => history.at(i).offset),
  );
  // As earlier versions left it.
  const page = { first: 512, hashes: new Int32Array(188) };
  const mended = reloaded({ ...kept, pages: new Map([[1, page]]) });
  assert.deepEqual([mended.size, mended.at(0).offset, mended.at(1).offset], [189, 511, 512]);
});

Deno.test("a log that goes on before its gap after a restart is known up to there alone", () => {
  const history = new LogHistory();
  const kept: Kept = { pages: new Map(), samples: [] };
  noteEvents(history, 0, Array.from({ length: 700 }, (_, i) => element(i, 0)));
  history.goOnAt(3000);
  save(history, kept);
  const again = reloaded(kept);
  noteEvents(again, 600, [element(600, 1), element(601, 1)]);
  assert.deepEqual(Array.from({ length: again.size }, (_, i) => again.at(i)), [
    { offset: 511, hash: fingerprint(element(511, 0)) },
    { offset: 600, hash: fingerprint(element(600, 1)) },
    { offset: 601, hash: fingerprint(element(601, 1)) },
  ]);
});

Deno.test("what lies at the offset that reading goes on at is known no longer, and what is stored of it is replaced", () => {
  const offsets = (history: LogHistory) =>
    Array.from({ length: history.size }, (_, i) => history.at(i).offset);
  const kept: Kept = { pages: new Map(), samples: [] };
  const history = new LogHistory();
  noteEvents(history, 0, Array.from({ length: 700 }, (_, i) => element(i, 0)));
  save(history, kept);
  history.goOnAt(600);
  save(history, kept);
  assert.equal(reloaded(kept).size, 600);
  history.goOnAt(3000);
  assert.deepEqual(offsets(history), [511, 599]);
  for (
    const [next, known] of [[3000, [511, 599]], [600, [511, 599]], [599, [511]], [512, [511]], [
      511,
      [],
    ]] as const
  ) {
    history.goOnAt(next);
    assert.deepEqual(offsets(history), known, `${next}`);
    save(history, kept);
    assert.deepEqual(offsets(reloaded(kept)), known, `${next}`);
  }
});

Deno.test("a sample is known once where its event is in a page as well", () => {
  const page = { page: 1, first: 512, hashes: Int32Array.of(5, 6, 7) };
  const samples = [511, 512, 514].map((offset) => ({ offset, hash: offset }));
  const history = LogHistory.restored({ pages: [page], samples });
  assert.deepEqual(Array.from({ length: history.size }, (_, i) => history.at(i)), [
    { offset: 511, hash: 511 },
    { offset: 512, hash: 5 },
    { offset: 513, hash: 6 },
    { offset: 514, hash: 7 },
  ]);
});

Deno.test("a history is exact for the latest 65,000 events, a 128th of the distance before that, and bounded", () => {
  const history = new LogHistory();
  const total = 3_000_000;
  for (let next = 0; next < total; next += 10_000) {
    noteEvents(
      history,
      next,
      Array.from({ length: 10_000 }, (_, i) => `{"name":"n","value":1,"timestamp":${next + i}}`),
    );
  }
  let after = total;
  for (let i = history.size - 1; i >= 0; i--) {
    const { offset } = history.at(i);
    const distance = total - offset;
    assert.ok(
      after - offset <= Math.max(distance <= EXACT - 512 ? 1 : 512, distance / 64),
      `${offset}: ${after}`,
    );
    after = offset;
  }
  assert.ok(after < total / 64, `${after}`);
  assert.ok(history.size < EXACT + 3000, `${history.size}`);
});

Deno.test("a fingerprint is of what makes an event, however it is spelt, and of all of it", () => {
  const event = '{"name":"a","value":1.5,"timestamp":2,"agg_func":"avg","id":"i"}';
  for (
    const same of ['{ "id": "\\u0069", "agg_func":"avg","timestamp":2.0,"value":15e-1,"name":"a","more":[1]}']
  ) {
    assert.equal(fingerprint(same), fingerprint(event));
  }
  const others = [
    '{"name":"b","value":1.5,"timestamp":2,"agg_func":"avg","id":"i"}',
    '{"name":"a","value":2.5,"timestamp":2,"agg_func":"avg","id":"i"}',
    '{"name":"a","value":1.5000000000000002,"timestamp":2,"agg_func":"avg","id":"i"}',
    '{"name":"a","value":1.5,"timestamp":2.001,"agg_func":"avg","id":"i"}',
    '{"name":"a","value":1.5,"timestamp":2,"agg_func":"max","id":"i"}',
    '{"name":"a","value":1.5,"timestamp":2,"agg_func":"avg","id":"j"}',
    '{"name":"a","value":1.5,"timestamp":2,"agg_func":"avg"}',
    '{"name":"a","value":NaN,"timestamp":2}',
    '{"name":"a","value":NaN,"timestamp":3}',
  ];
  assert.equal(new Set([event, ...others].map(fingerprint)).size, others.length + 1);
  // On disk: whoever changes them empties `history` by a migration.
  assert.equal(fingerprint(event), FINGERPRINT);
});

const FINGERPRINT = 157515913;

Deno.test("property: events that differ in one number differ in their fingerprints, a few in a million aside", () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -1000, max: 1000 }).map((n) => n / 4),
  );
  const time = fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }).map((ms) => ms / 1000);
  const seen = new Map<number, string>();
  let met = 0;
  fc.assert(
    fc.property(fc.constantFrom("a", "b", "plant.line1"), number, time, (name, value, timestamp) => {
      const text = JSON.stringify({ name, value: value + 0, timestamp });
      const hash = fingerprint(text);
      if (seen.has(hash) && seen.get(hash) !== text) met++;
      seen.set(hash, text);
    }),
    { numRuns: 20_000 },
  );
  // By chance 0.05 of 20,000 in 2^32.
  assert.ok(met <= 2, `${met} of ${seen.size}`);
});
