/**
 * What an open page of the dashboard keeps over hours, in Chromium, view by view.
 *
 *   scripts/deno.sh run -A bench/dashboard_open.ts --from 20 --to 120
 *
 * The page's clock is run as fast as the page can bear. It first settles for `--from` minutes. Nodes, and
 * listeners, are those of the document and those that scripts still hold, after a garbage collection.
 */
import { parseArgs } from "node:util";
import { PlayedPage } from "../tests/dashboard/browser/played_page.ts";
import { TestBrowser } from "../tests/support/browser.ts";

const { values: options } = parseArgs({
  options: { from: { type: "string", default: "20" }, to: { type: "string", default: "120" } },
});
const FROM_MINUTES = Number(options.from);
const TO_MINUTES = Number(options.to);

await using site = await PlayedPage.site();
await using browser = await TestBrowser.start(0);
await using page = await PlayedPage.open(site, browser);
console.log(`| view | heap after ${FROM_MINUTES} min | after ${TO_MINUTES} min | nodes | kept | listeners |
| --- | ---: | ---: | ---: | ---: | ---: |`);
for (const view of await page.views()) {
  await page.show(view);
  await page.pass(FROM_MINUTES);
  const before = await page.memory();
  await page.pass(TO_MINUTES - FROM_MINUTES);
  const after = await page.memoryAsBefore(before, view);
  const counts = [after.nodes, after.nodesKept, after.listeners];
  console.log(`| ${view} | ${kib(before)} | ${kib(after)} | ${counts.join(" | ")} |`);
}
if (page.complaints.length > 0) throw new Error(page.complaints.join("\n"));

function kib({ heapBytes }: { readonly heapBytes: number }): string {
  return `${Math.round(heapBytes / 1024).toLocaleString("en")} KiB`;
}
