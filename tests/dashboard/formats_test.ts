import assert from "node:assert/strict";
import { bytesText, countOf, countText, rateText, shareText } from "../../src/dashboard/number_format.ts";
import { durationText, utcText } from "../../src/dashboard/time_format.ts";

Deno.test("numbers have thousands and units, and what is not nothing is not shown as nothing", () => {
  assert.deepEqual([0, 999, 1_234_567].map(countText), ["0", "999", "1,234,567"]);
  assert.deepEqual([countOf(1, "cause"), countOf(2, "cause"), countOf(2, "series", "series")], [
    "1 cause",
    "2 causes",
    "2 series",
  ]);
  assert.deepEqual([undefined, 0, 0.1234, 99.96, 1234.5].map(rateText), [
    "–",
    "0/s",
    "0.123/s",
    "100/s",
    "1,235/s",
  ]);
  assert.deepEqual([0, 1023, 1024, 1_500_000, 2 ** 41].map(bytesText), [
    "0 B",
    "1,020 B",
    "1 KiB",
    "1.43 MiB",
    "2 TiB",
  ]);
  assert.deepEqual([shareText(0, 0), shareText(1, 1000), shareText(1, 3), shareText(3, 3)], [
    "0 %",
    "< 1 %",
    "33 %",
    "100 %",
  ]);
});

Deno.test("durations have their two greatest units", () => {
  assert.deepEqual([0, 0.25, 9.99, 59.6, 65, 3600, 3725, 90_061, -65, 1_795_824_000].map(durationText), [
    "0 s",
    "0.3 s",
    "10 s",
    "1 min",
    "1 min 5 s",
    "1 h",
    "1 h 2 min",
    "1 d 1 h",
    "−1 min 5 s",
    "20,785 d",
  ]);
  assert.equal(utcText(1_800_000_000.5), "2027-01-15T08:00:00.500Z");
  assert.equal(utcText(1_800_000_000), "2027-01-15T08:00:00Z");
});
