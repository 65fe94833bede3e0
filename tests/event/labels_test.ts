import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "../support/fast_check.ts";
import { ODD_TEXTS, oddLabels } from "../support/odd_labels.ts";
import {
  canonicalLabels,
  hasLabels,
  LABELS_MAX,
  labelsIn,
  labelsOf,
  labelsProblem,
  nameEnd,
  SERIES_MAX_BYTES,
  seriesInWords,
  seriesKey,
  seriesOf,
} from "../../src/event/labels.ts";

Deno.test("a set of labels has one text, whatever order it comes in, and another set has another", () => {
  fc.assert(
    fc.property(oddLabels, oddLabels, fc.nat(), (labels, others, seed) => {
      const entries = Object.entries(labels);
      const turned = seed % Math.max(1, entries.length);
      const shuffled = [...entries.slice(turned), ...entries.slice(0, turned)].reverse();
      const text = canonicalLabels(labels);
      assert.equal(canonicalLabels(Object.fromEntries(shuffled)), text);
      if (entries.length === 0) return assert.equal(text, "");
      assert.deepEqual(Object.entries(JSON.parse(text)).sort(), entries.sort());
      const isSame = JSON.stringify(Object.entries(others).sort()) === JSON.stringify(entries.sort());
      assert.equal(canonicalLabels(others) === text, isSame);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("keys are in the order of their UTF-8 bytes", () => {
  fc.assert(
    fc.property(oddLabels, (labels) => {
      const text = canonicalLabels(labels);
      const keys = [...text.matchAll(/[{,]("(?:[^"\\]|\\.)*"):"/g)].map(([, key]) => JSON.parse(key!));
      // Values may hold what looks like a key; the keys themselves are all there, in this order.
      const sorted = Object.keys(labels).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      let at = 0;
      for (const key of keys) if (key === sorted[at]) at++;
      assert.equal(at, sorted.length);
    }),
  );
  assert.equal(
    canonicalLabels({ "\u{1f600}": "1", "\uffee": "2", z: "3" }),
    '{"z":"3","\uffee":"2","\u{1f600}":"1"}',
  );
});

Deno.test("the key of a series tells its name and its labels, and without labels is its name", () => {
  fc.assert(
    fc.property(fc.constantFrom(...ODD_TEXTS, "plant.line1"), oddLabels, (name, labels) => {
      const text = canonicalLabels(labels);
      const key = seriesKey(name, text);
      assert.deepEqual(seriesOf(key), text === "" ? { name } : { name, labels: text });
      const bytes = Buffer.from(key);
      assert.equal(bytes.subarray(0, nameEnd(bytes)).toString(), name);
    }),
  );
  assert.equal(seriesKey("a", canonicalLabels({})), "a");
});

Deno.test("what is no label is said", () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, ""]));
  const cases: readonly (readonly [unknown, RegExp | undefined])[] = [
    [{}, undefined],
    [{ site: "" }, undefined],
    [{ "": "a key of no characters" }, undefined],
    [many(LABELS_MAX), undefined],
    [many(LABELS_MAX + 1), /more than 32 labels/],
    [{ a: 1 }, /value is not text/],
    [{ a: null }, /value is not text/],
    [{ a: {} }, /value is not text/],
    [["a"], /not an object/],
    ["a", /not an object/],
    [7, /not an object/],
    [{ a: "\u0000" }, /control character/],
    [{ "\n": "a" }, /control character/],
    [{ a: "\u007f" }, /control character/],
    [{ a: "\u0085" }, /control character/],
    [{ a: "\ud83d" }, /half a surrogate pair/],
    [{ "\udc00": "" }, /half a surrogate pair/],
    [{ key: "x".repeat(SERIES_MAX_BYTES - 7) }, undefined],
    [{ key: "x".repeat(SERIES_MAX_BYTES - 6) }, /longer than 2048 bytes/],
    [{ key: "é".repeat((SERIES_MAX_BYTES - 8) / 2) + "x" }, undefined],
    [{ key: "é".repeat((SERIES_MAX_BYTES - 6) / 2) }, /longer than 2048 bytes/],
  ];
  for (const [labels, problem] of cases) {
    const found = labelsProblem("name", labels);
    if (problem === undefined) assert.equal(found, undefined, JSON.stringify(labels));
    else assert.match(`${found}`, problem, JSON.stringify(labels));
  }
  for (const odd of ODD_TEXTS) assert.equal(labelsProblem("name", { [odd]: odd }), undefined, odd);
});

Deno.test("an aggregate has its labels as canonical text, and none where its series has none", () => {
  assert.deepEqual(labelsOf({}), {});
  assert.deepEqual(labelsOf({ b: "2", a: "1" }), { labels: '{"a":"1","b":"2"}' });
  const cases: readonly (readonly [string, { readonly labels?: string }])[] = [
    ["{}", {}],
    ["{ }", {}],
    ['{ "b": "2", "a": "1" }', { labels: '{"a":"1","b":"2"}' }],
    ["null", { labels: "null" }],
    ["[ ]", { labels: "[ ]" }],
    ["7", { labels: "7" }],
    ['"a"', { labels: '"a"' }],
  ];
  for (const [json, expected] of cases) assert.deepEqual(labelsIn(json), expected, json);
});

Deno.test("a series has labels where it has each of them, whatever others it has", () => {
  const labels = '{"a":"1","b":"2"}';
  const cases: readonly (readonly [string | undefined, Record<string, string>, boolean])[] = [
    [undefined, {}, true],
    [undefined, { a: "1" }, false],
    [labels, {}, true],
    [labels, { a: "1" }, true],
    [labels, { b: "2", a: "1" }, true],
    [labels, { a: "1", b: "3" }, false],
    [labels, { c: "1" }, false],
    ['{"__proto__":"1"}', { toString: "1" }, false],
  ];
  for (const [own, wanted, expected] of cases) {
    assert.equal(hasLabels(own, wanted), expected, `${own} ${JSON.stringify(wanted)}`);
  }
});

Deno.test("a series is its name for people, with its labels behind it", () => {
  assert.equal(seriesInWords({ name: "oven" }), "oven");
  assert.equal(
    seriesInWords({ name: "oven", labels: '{"line":"4","site":"north"}' }),
    "oven{line=4,site=north}",
  );
});

Deno.test("the name in the bytes of a key ends where its labels begin, or the key does", () => {
  const bytes = new TextEncoder().encode("xab\0{}ab\0");
  assert.equal(nameEnd(bytes, 1), 3);
  assert.equal(nameEnd(bytes, 6, 8), 8);
  assert.equal(nameEnd(bytes, 0, 2), 2);
  assert.equal(nameEnd(new TextEncoder().encode("\0{}")), 0);
  assert.deepEqual(seriesOf("\0{}"), { name: "", labels: "{}" });
});
