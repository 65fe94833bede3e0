import assert from "node:assert/strict";
import { SeriesTurnover } from "../../../src/runtime/renames/series_turnover.ts";

/** What each window shows, of windows that are given as the series in them. */
function turns(...windows: readonly string[]): string[] {
  const turnover = new SeriesTurnover();
  const text = (numbers: readonly number[]) => numbers.map((number) => String.fromCharCode(number)).join("");
  return windows.map((window) => {
    const { begun, stopped } = turnover.take(Float64Array.from(window, (one) => one.charCodeAt(0)).sort());
    return `${text(begun)}/${text(stopped)}`;
  });
}

Deno.test("what the first window has was there before; a new series has begun with its third window", () => {
  assert.deepEqual(turns("ac", "abc", "abc", "abc", "abc"), ["/", "/", "/", "b/", "/"]);
  assert.deepEqual(turns("a", "ab", "a", "ab", "ab", "ab"), ["/", "/", "/", "/", "/", "b/"], "in a row");
});

Deno.test("a steady series has stopped with the third window without it; one that never was steady has not", () => {
  assert.deepEqual(turns("ab", "a", "a", "a", "a"), ["/", "/", "/", "/b", "/"]);
  assert.deepEqual(turns("ab", "a", "a", "ab", "a", "a", "a"), ["/", "/", "/", "/", "/", "/", "/b"]);
  assert.deepEqual(turns("a", "ab", "ab", "a", "a", "a"), ["/", "/", "/", "/", "/", "/"]);
  const anew = ["/", "/", "/", "/b", "/", "/", "b/"];
  assert.deepEqual(turns("ab", "a", "a", "a", "ab", "ab", "ab"), anew, "it begins anew");
});

Deno.test("a series that a window has several times counts once, and an empty window counts too", () => {
  assert.deepEqual(turns("aab", "aabb", "a", "", "aa"), ["/", "/", "/", "/", "/b"]);
});
