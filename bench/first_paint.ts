/**
 * How soon the dashboard shows something, in Chromium on loopback.
 *
 *   scripts/deno.sh run -A bench/first_paint.ts --series 1000 --loads 20
 *
 * Each load has an empty cache. First paint and first contentful paint are the browser's own entries (the
 * Paint Timing API of the W3C); data is there when the page shows the pipeline. All three are counted
 * from the moment at which the browser is told the address.
 */
import { parseArgs } from "node:util";
import { siteWithSeries } from "../tests/dashboard/browser/many_series.ts";
import { TestBrowser } from "../tests/support/browser.ts";

const { values: options } = parseArgs({
  options: { series: { type: "string", default: "1000" }, loads: { type: "string", default: "20" } },
});
const SERIES = Number(options.series);
const LOADS = Number(options.loads);
const GOAL_MS = 500;

await using site = await siteWithSeries(SERIES, SERIES);
await using browser = await TestBrowser.start(0);
const loads: (readonly number[])[] = [];
for (let load = 0; load < LOADS; load++) loads.push(await timesOfLoad());
console.log(`${SERIES.toLocaleString("en")} series, ${LOADS} loads, goal of the first paint: ${GOAL_MS} ms

| | median | longest |
| --- | ---: | ---: |`);
for (const [column, what] of ["first paint", "first contentful paint", "data"].entries()) {
  const times = loads.map((load) => load[column]!).sort((a, b) => a - b);
  console.log(`| ${what} | ${milliseconds(times[times.length >> 1]!)} | ${milliseconds(times.at(-1)!)} |`);
}

/** First paint, first contentful paint and the first data, ms. */
async function timesOfLoad(): Promise<readonly number[]> {
  await using opened = await browser.open();
  const { page } = opened;
  await page.goto(`${site.url}/`, { waitUntil: "commit" });
  await page.getByRole("region", { name: "Windows", exact: true }).waitFor();
  const data = await page.evaluate<number>("performance.now()");
  const entries = "performance.getEntriesByType('paint').map(({ name, startTime }) => [name, startTime])";
  const paints = new Map(await page.evaluate<[string, number][]>(entries));
  return [paints.get("first-paint")!, paints.get("first-contentful-paint")!, data];
}

function milliseconds(time: number): string {
  return `${Math.round(time)} ms`;
}
