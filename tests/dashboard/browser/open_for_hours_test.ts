/** A page that stays open, in a browser whose clock the test moves. bench/dashboard_open.ts plays longer. */
import assert from "node:assert/strict";
import { isChromiumHere, TestBrowser } from "../../support/browser.ts";
import { PlayedPage } from "./played_page.ts";

const SETTLED_MINUTES = 1;
const LATER_MINUTES = 3;
/** The engine's own notes on what it runs grow a little. */
const HEAP_GROWTH_MAX_BYTES = 2 << 20;

Deno.test({
  name: "each view keeps as many nodes and listeners as it had minutes before",
  ignore: !isChromiumHere,
  // The browser's driver keeps its own pipes.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  await using site = await PlayedPage.site();
  await using browser = await TestBrowser.start(0);
  await using page = await PlayedPage.open(site, browser);
  for (const view of await page.views()) {
    await t.step(view, async () => {
      await page.show(view);
      await page.pass(SETTLED_MINUTES);
      const before = await page.memory();
      await page.pass(LATER_MINUTES - SETTLED_MINUTES);
      const after = await page.memoryAsBefore(before, view);
      const grownBytes = after.heapBytes - before.heapBytes;
      assert.ok(grownBytes < HEAP_GROWTH_MAX_BYTES, `the heap has grown by ${grownBytes} bytes`);
    });
  }
  assert.deepEqual(page.complaints, []);
});
