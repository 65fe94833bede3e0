import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { FoundSeries } from "../../src/control/found_series.ts";
import { PartSieve } from "../../src/control/part_sieve.ts";
import { SeriesSieve } from "../../src/control/series_sieve.ts";
import { seriesMatcher } from "../../src/control/series_text.ts";
import { SoughtPieces } from "../../src/control/sought_pieces.ts";
import { canonicalLabels, hasLabels, seriesKey, seriesOf } from "../../src/event/labels.ts";
import { KeyColumn } from "../../src/state/checkpoint/key_column.ts";

/** Few characters, so that texts are often found; with signs, and some that are longer in lower case. */
const text = fc.string({
  unit: fc.constantFrom(
    "a",
    "B",
    "k",
    "7",
    "-",
    ".",
    "=",
    '"',
    "\\",
    " ",
    "ß",
    "İ",
    "K",
    "é",
    "東",
    "𝄞",
    "\uFFFD",
  ),
  maxLength: 6,
});
const labels = fc.dictionary(text, text, { maxKeys: 3 });
const series = fc.record({ name: text, labels });
const some = fc.array(series, { maxLength: 20 });

function keysOf(all: readonly { name: string; labels: Record<string, string> }[]): KeyColumn {
  const keys = all.map(({ labels, name }) =>
    new TextEncoder().encode(seriesKey(name, canonicalLabels(labels)))
  );
  const bytes = new Uint8Array(keys.flatMap((key) => [...key]));
  return new KeyColumn(bytes, Uint16Array.from(keys, ({ length }) => length));
}

Deno.test("property: what the bytes of a key exclude is not what is looked for", () => {
  let excluded = 0;
  fc.assert(
    fc.property(some, text, fc.dictionary(text, text, { maxKeys: 1 }), (all, sought, wanted) => {
      const keys = keysOf(all);
      const sieve = new SeriesSieve(sought, wanted);
      const matches = seriesMatcher(sought);
      all.forEach((_, row) => {
        const { labels, name } = seriesOf(keys.text(row));
        const isSought = matches(name, labels) && hasLabels(labels, wanted);
        if (!sieve.excludes(keys, row)) return;
        excluded++;
        assert.equal(isSought, false, keys.text(row));
      });
    }),
    { seed: 1, numRuns: 2000 },
  );
  assert.ok(excluded > 1000, `${excluded}`);
});

Deno.test("series of ASCII that are not looked for are excluded by their bytes", () => {
  const keys = keysOf([
    { name: "Plant-7.oven", labels: { line: "4" } },
    { name: "plant8.oven", labels: { line: "4", site: "north" } },
    { name: "plant7.oven", labels: { line: "45" } },
  ]);
  const left = (text: string, labels: Record<string, string>) => {
    const sieve = new SeriesSieve(text, labels);
    return [0, 1, 2].filter((row) => !sieve.excludes(keys, row));
  };
  assert.deepEqual(left("plant 7", {}), [0, 2]);
  assert.deepEqual(left("", { line: "4" }), [0, 1]);
  assert.deepEqual(left("SITE=north", { line: "4" }), [1]);
  assert.deepEqual(left("", {}), [0, 1, 2]);
});

Deno.test("property: a page of series is the same without those that the bytes of their keys exclude", () => {
  let excluded = 0;
  const after = fc.option(series.map(({ labels, name }) => `${name}\0${canonicalLabels(labels)}\0sum`));
  fc.assert(
    fc.property(some, fc.integer({ min: 1, max: 3 }), after, (all, limit, bound) => {
      const keys = keysOf(all);
      const [plain, fast] = [0, 1].map(() => new FoundSeries(limit, bound ?? undefined));
      all.forEach((_, row) => {
        const one = { ...seriesOf(keys.text(row)), aggFunc: "sum" };
        plain!.add(one, 1000, undefined);
        if (fast!.excludes(keys, row)) excluded++;
        else fast!.add(one, 1000, undefined);
      });
      assert.deepEqual(names(fast!), names(plain!));
      assert.equal(fast!.page().next, plain!.page().next);
    }),
    { seed: 2, numRuns: 2000 },
  );
  assert.ok(excluded > 1000, `${excluded}`);
});

Deno.test("property: a key has the same share of what is looked for by its bytes and by its text", () => {
  let shared = 0;
  fc.assert(
    fc.property(some, text, text, (all, start, end) => {
      const pieces = new SoughtPieces(start + end);
      if (pieces.isEmpty) return;
      const keys = keysOf(all);
      all.forEach((_, row) => {
        const share = pieces.shareIn(keys, row);
        if (share > 0) shared++;
        assert.equal(share, pieces.shareInText(keys.text(row)), keys.text(row));
      });
    }),
    { seed: 3, numRuns: 2000 },
  );
  assert.ok(shared > 100, `${shared}`);
});

Deno.test("property: what whole names and labels exclude has none of them", () => {
  let excluded = 0;
  fc.assert(
    fc.property(
      some,
      fc.array(text, { maxLength: 2 }),
      fc.array(labels, { maxLength: 2 }),
      (all, names, sets) => {
        const keys = keysOf(all);
        const wanted = new Set(sets.map(canonicalLabels));
        const sieve = new PartSieve(names, wanted);
        all.forEach((_, row) => {
          const { labels, name } = seriesOf(keys.text(row));
          const isSought = names.includes(name) || (labels !== undefined && wanted.has(labels));
          if (!sieve.excludes(keys, row)) return;
          excluded++;
          assert.equal(isSought, false, keys.text(row));
        });
      },
    ),
    { seed: 4, numRuns: 2000 },
  );
  assert.ok(excluded > 1000, `${excluded}`);
});

function names(found: FoundSeries): string[] {
  return found.page().series.map(({ labels, name }) => seriesKey(name, labels));
}
