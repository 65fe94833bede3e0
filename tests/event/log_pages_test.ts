/** What a log's history is on disk: its pages and samples, and the fingerprints in them. */
import assert from "node:assert/strict";
import { scanEvent } from "../../src/codec/event_scanner.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { type Fingerprint, fingerprintOf, hasFingerprint, LogHistory } from "../../src/event/log_history.ts";
import { hashBytes } from "../../src/event/text_hash.ts";

const EXACT = 65_536;
const PAGE = 512;
const ENCODER = new TextEncoder();

/** Mapped records, whose fingerprints are the hashes of their bytes: those of their offsets as text. */
function recordsFrom(first: number, count: number): EventBatch {
  const batch = new EventBatch();
  const texts = Array.from({ length: count }, (_, i) => `${first + i}`);
  batch.reset(ENCODER.encode(texts.join("\n")));
  batch.isMapped = true;
  batch.total = count;
  let at = 0;
  for (const [index, text] of texts.entries()) {
    batch.invalid.push({ index, detail: "", rawStart: at, rawEnd: at + text.length });
    at += text.length + 1;
  }
  return batch;
}

const hashAt = (offset: number) => {
  const bytes = ENCODER.encode(`${offset}`);
  return hashBytes(bytes, 0, bytes.length);
};
const sampleAt = (offset: number): Fingerprint => ({ offset, hash: hashAt(offset) });

function historyOf(...reads: readonly (readonly [first: number, count: number])[]): LogHistory {
  const history = new LogHistory();
  for (const [first, count] of reads) history.note(recordsFrom(first, count), first);
  return history;
}

/** All that is known, each with the hash that it has to have. */
function offsetsOf(history: LogHistory): number[] {
  return Array.from({ length: history.size }, (_, i) => {
    const { hash, offset } = history.at(i);
    assert.equal(hash, hashAt(offset), `${offset}`);
    assert.equal(history.countBefore(offset), i);
    return offset;
  });
}

/** What is to be stored: the first offset and the length of each page, and the rest as it is. */
function shownOf(history: LogHistory) {
  const { areSamplesSaved, endPage, firstPage, pages, samples } = history.unsaved();
  for (const { first, hashes, page } of pages) {
    assert.equal(page, Math.floor(first / PAGE));
    hashes.forEach((hash, i) => assert.equal(hash, hashAt(first + i)));
  }
  const lengths = pages.map(({ first, hashes }) => [first, hashes.length]);
  return {
    pages: lengths,
    samples: samples.map(({ offset }) => offset),
    areSamplesSaved,
    firstPage,
    endPage,
  };
}

const range = (from: number, end: number) => Array.from({ length: end - from }, (_, i) => from + i);

Deno.test("nothing is known of a log of which nothing was read", () => {
  const history = new LogHistory();
  history.note(recordsFrom(5, 0), 5);
  assert.deepEqual([history.isKept, history.size, history.countBefore(9)], [false, 0, 0]);
  assert.deepEqual(shownOf(history), {
    pages: [],
    samples: [],
    areSamplesSaved: false,
    firstPage: 0,
    endPage: 0,
  });
  assert.equal(LogHistory.restored({ pages: [], samples: [] }).isKept, false);
});

Deno.test("pages begin and end at multiples of 512, and those that have changed are to be stored", () => {
  const history = historyOf([500, 20], [520, 600]);
  assert.deepEqual(offsetsOf(history), range(500, 1120));
  const pages = [[500, 12], [512, 512], [1024, 96]];
  const whole = { samples: [], areSamplesSaved: false, firstPage: 0, endPage: 3 };
  assert.deepEqual(shownOf(history), { pages, ...whole });
  history.saved();
  assert.deepEqual(shownOf(history), { pages: [[1024, 96]], ...whole, areSamplesSaved: true });
  history.note(recordsFrom(1120, 416), 1120);
  history.note(recordsFrom(1536, 1), 1536);
  const later = { ...whole, areSamplesSaved: true, endPage: 4 };
  assert.deepEqual(shownOf(history), { pages: [[1024, 512], [1536, 1]], ...later });
  history.saved();
  assert.deepEqual([history.countBefore(499), history.countBefore(501), history.countBefore(9999)], [
    0,
    1,
    1037,
  ]);
});

Deno.test("what follows the place that reading goes on at is dropped, and stored anew", () => {
  const history = historyOf([0, 1600]);
  history.saved();
  history.goOnAt(1600);
  assert.equal(history.size, 1600);
  history.goOnAt(700);
  assert.deepEqual(offsetsOf(history), range(0, 700));
  assert.deepEqual(shownOf(history).pages, [[512, 188]]);
  history.goOnAt(1);
  assert.deepEqual(offsetsOf(history), [0]);
  history.goOnAt(0);
  assert.deepEqual([history.size, history.isKept, shownOf(history).pages], [0, true, []]);
  history.note(recordsFrom(0, 3), 0);
  assert.deepEqual(offsetsOf(history), [0, 1, 2]);
});

Deno.test("beyond a gap, the last event of each page and the very last one stay known", () => {
  const history = historyOf([100, 1500]);
  history.saved();
  history.goOnAt(5000);
  assert.deepEqual(offsetsOf(history), [511, 1023, 1535, 1599]);
  assert.deepEqual(shownOf(history), {
    pages: [],
    samples: [511, 1023, 1535, 1599],
    areSamplesSaved: false,
    firstPage: 9,
    endPage: 9,
  });
  history.goOnAt(6000);
  assert.equal(history.size, 4, "nothing was read in between");
  history.note(recordsFrom(6000, 144), 6000);
  history.goOnAt(7000);
  assert.deepEqual(offsetsOf(history), [511, 1023, 1535, 1599, 6143], "the last of a page is there once");
  history.saved();
  history.goOnAt(1600);
  assert.deepEqual(offsetsOf(history), [511, 1023, 1535, 1599]);
  assert.equal(shownOf(history).areSamplesSaved, false);
  history.saved();
  history.goOnAt(1600);
  assert.equal(shownOf(history).areSamplesSaved, true);
});

Deno.test("the oldest page makes room for a new one, and its last event stays known", () => {
  const history = historyOf([0, EXACT]);
  const ends = () => [0, 1, 2, history.size - 1].map((number) => history.at(number));
  assert.deepEqual(ends(), [0, 1, 2, EXACT - 1].map(sampleAt));
  history.saved();
  history.note(recordsFrom(EXACT, 1), EXACT);
  assert.equal(history.size, EXACT - 511 + 1);
  assert.deepEqual(ends(), [511, 512, 513, EXACT].map(sampleAt));
  const { areSamplesSaved, firstPage, endPage, pages } = shownOf(history);
  assert.deepEqual([areSamplesSaved, firstPage, endPage, pages], [false, 1, 129, [[EXACT, 1]]]);
  const late = historyOf([PAGE, EXACT - PAGE], [EXACT, 1]);
  assert.equal(late.size, EXACT - PAGE + 1, "nothing had to go");
});

Deno.test("a history that was stored is the same when it is read again", () => {
  const history = historyOf([700, 900]);
  history.goOnAt(4000);
  history.note(recordsFrom(4000, 700), 4000);
  const { pages, samples } = history.unsaved();
  const restored = LogHistory.restored({ pages, samples });
  assert.deepEqual(offsetsOf(restored), offsetsOf(history));
  assert.deepEqual(shownOf(restored), {
    pages: [[4608, 92]],
    samples: [1023, 1535, 1599],
    areSamplesSaved: true,
    firstPage: 7,
    endPage: 10,
  });
  const onlySamples = LogHistory.restored({ pages: [], samples: [sampleAt(7)] });
  assert.deepEqual([onlySamples.isKept, offsetsOf(onlySamples)], [true, [7]]);
});

function scanned(text: string): EventBatch {
  const batch = new EventBatch();
  scanEvent(ENCODER.encode(text), batch);
  return batch;
}

Deno.test("fingerprints stay as those on disk are", () => {
  const fingerprints = [
    '{"name":"a","value":0,"timestamp":0}',
    '{"name":"a","value":-12.75,"timestamp":1790000000.123}',
    '{"name":"a","value":0.1,"timestamp":1790000000.123,"agg_func":"max"}',
    '{"name":"a","value":0.1,"timestamp":1790000000.123,"id":"i"}',
    '{"name":"a","value":0.1,"timestamp":1790000000.123,"labels":{"b":"c"}}',
    '{"name":"a","value":0.1,"timestamp":1790000000.123,"default_func":"max"}',
    "no event",
  ].map((text) => fingerprintOf(scanned(text)));
  assert.deepEqual(fingerprints, FINGERPRINTS);
});

// deno-fmt-ignore
const FINGERPRINTS = [1259399158, -319130769, 1468706147, -1891610744, 580193494, 1093944754, 315019296];

Deno.test("an event has the fingerprint of its values, and that of its bytes", () => {
  for (const text of ['{"name":"a","value":1,"timestamp":2}', "no event"]) {
    const bytes = ENCODER.encode(text);
    const batch = scanned(` ${text} `);
    const ofBytes = hashBytes(bytes, 0, bytes.length);
    assert.ok(hasFingerprint(batch, fingerprintOf(batch)));
    assert.ok(hasFingerprint(batch, ofBytes));
    assert.ok(!hasFingerprint(batch, ofBytes + 1));
  }
});

Deno.test("a mapped record has one fingerprint, however many events it is", () => {
  const batch = recordsFrom(10, 4);
  const history = new LogHistory();
  batch.reserve(3);
  batch.count = 3;
  const ranges = [[0, 0, 2], [0, 0, 2], [2, 6, 8]] as const;
  for (const [i, [position, start, end]] of ranges.entries()) {
    batch.position[i] = position;
    batch.rawStart[i] = start;
    batch.rawEnd[i] = end;
  }
  // The records 0 and 2 are events only; the record 1 is invalid twice, and the record 3 once.
  const [, second, , last] = batch.invalid;
  batch.invalid.length = 0;
  batch.invalid.push(second!, second!, last!);
  history.note(batch, 10);
  assert.deepEqual(offsetsOf(history), [10, 11, 12, 13]);
});

Deno.test("what is read anew behind the event that reading goes on at is stored anew, however far it goes", () => {
  const history = historyOf([0, 1600]);
  history.saved();
  history.goOnAt(700);
  history.note(recordsFrom(700, 1500), 700);
  const pages = [[512, 512], [1024, 512], [1536, 512], [2048, 152]];
  assert.deepEqual(shownOf(history).pages, pages);
});

Deno.test("a history of samples alone ends behind the last of them", () => {
  for (const [offset, page] of [[510, 0], [511, 1], [1022, 1]] as const) {
    const { firstPage, endPage } = LogHistory.restored({ pages: [], samples: [sampleAt(offset)] }).unsaved();
    assert.deepEqual([firstPage, endPage], [page, page], `${offset}`);
  }
});

/** A history with the last event of each of so many pages and one event more, which were just left behind. */
function sampledHistory(pages: number): LogHistory {
  const samples = Array.from({ length: pages - 1 }, (_, page) => sampleAt((page + 1) * PAGE - 1));
  const first = (pages - 1) * PAGE;
  const history = LogHistory.restored({
    pages: [
      { page: pages - 1, first, hashes: Int32Array.from(range(first, first + PAGE), hashAt) },
      { page: pages, first: pages * PAGE, hashes: Int32Array.of(hashAt(pages * PAGE)) },
    ],
    samples,
  });
  history.goOnAt(pages * PAGE + 1000);
  return history;
}

Deno.test("samples are of each page at first, and of fewer the older they are", () => {
  const all = (pages: number) => [...range(1, pages + 1).map((page) => page * PAGE - 1), pages * PAGE];
  assert.deepEqual(offsetsOf(sampledHistory(256)), all(256));
  assert.deepEqual(offsetsOf(sampledHistory(257)), all(257).slice(1), "the oldest is of an odd page");
  const pages = 5000;
  const offsets = offsetsOf(sampledHistory(pages)).slice(0, -1);
  const end = pages * PAGE;
  assert.equal(offsets.at(-1), end - 1);
  assert.ok(offsets[0]! < end / 64, `${offsets[0]}`);
  for (const [i, offset] of offsets.entries()) {
    const next = offsets[i + 1];
    if (next === undefined) break;
    const distance = next - offset;
    assert.ok(distance <= Math.max(PAGE, (end - offset) / 128), `${offset}: ${distance}`);
    assert.ok(distance >= Math.max(PAGE, (end - 1 - next) / 256), `${offset}: ${distance}`);
  }
  // 128 of the latest 65,536 events, and as many of each doubling of the distance.
  assert.equal(offsets.length, 6 * 128 + 28);
});
