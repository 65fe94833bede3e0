import assert from "node:assert/strict";
import { progressLine } from "../../src/cli/once_progress.ts";
import { busOverview } from "../support/overview.ts";
import type { LiveOverview } from "../../src/runtime/overview.ts";

type Seen = Pick<LiveOverview, "buses" | "counts">;

/** What is seen of sources of which so much of so many bytes is read. */
function seen(
  received: number,
  ...extents: (readonly [readBytes: number, allBytes: number] | undefined)[]
): Seen {
  const buses = extents.map((extent, i) =>
    busOverview(`file:///${i}`, { extent: extent && { readBytes: extent[0], allBytes: extent[1] } })
  );
  return { buses, counts: { received } as LiveOverview["counts"] };
}

Deno.test("progress: bytes of all, percent, events a second and the time left since this call began", () => {
  const beginning = { ms: 1000, readBytes: 1_000_000_000, received: 500_000 };
  assert.equal(
    progressLine(seen(8_500_000, [2_000_000_000, 4_000_000_000], [0, 6_000_000_000]), beginning, 11_000),
    "2.0 GB of 10.0 GB, 20 %, 800,000 events/s, 1 min 20 s left",
  );
  assert.equal(
    progressLine(seen(500_000, [1_000_000_000, 1_000_000_000_000]), beginning, 1000),
    "1.0 GB of 1.0 TB, 0 %",
  );
  assert.equal(
    progressLine(seen(500_001, [1_000_000_001, 1_000_000_500]), beginning, 2000),
    "1.0 GB of 1.0 GB, 99 %, 1 events/s, 8 min 19 s left",
  );
  assert.equal(
    progressLine(seen(500_010, [1_000_010_000, 2_000_000_000]), beginning, 2000),
    "1.0 GB of 2.0 GB, 50 %, 10 events/s, 27 h 46 min left",
  );
});

Deno.test("progress: sources without a known end have none", () => {
  const beginning = { ms: 0, readBytes: 0, received: 0 };
  assert.equal(progressLine(seen(7, undefined), beginning, 1000), undefined);
  assert.equal(progressLine(seen(7), beginning, 1000), undefined);
  assert.equal(
    progressLine(seen(7, undefined, [12, 950]), beginning, 1000),
    "12 B of 950 B, 1 %, 7 events/s, 1 min 19 s left",
  );
});
