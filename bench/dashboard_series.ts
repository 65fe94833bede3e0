/**
 * How long the dashboard lets its user wait while there are very many series, in Chromium.
 *
 *   scripts/deno.sh run -A bench/dashboard_series.ts --series 100000 --rounds 3
 *
 * A long task is one in which the page can show nothing and take no key for more than 50 ms, as the browser
 * itself counts them, by the clock. The processor time of the page's thread says more on a machine that is
 * busy. The time of a step goes from the click or the key to what it leads to, with the answer of the
 * handler, which has all the series in a closed window and in an open one.
 */
import { parseArgs } from "node:util";
import type { CDPSession, Page } from "playwright-core";
import { Replies, siteWithSeries } from "../tests/dashboard/browser/many_series.ts";
import { TestBrowser } from "../tests/support/browser.ts";

const { values: options } = parseArgs({
  options: { series: { type: "string", default: "100000" }, rounds: { type: "string", default: "3" } },
});
const SERIES = Number(options.series);
const ROUNDS = Number(options.rounds);
const POINTER_STEPS = 50;

await using site = await siteWithSeries(SERIES, SERIES);
await using browser = await TestBrowser.start(0);
for (let round = 1; round <= ROUNDS; round++) {
  await using opened = await browser.open();
  const { page } = opened;
  await page.addInitScript(`
    globalThis.longTasks = [];
    new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ type: "longtask" });
  `);
  const replies = new Replies(page);
  const tools = await page.context().newCDPSession(page);
  await tools.send("Performance.enable", { timeDomain: "threadTicks" });
  console.log(`\nRound ${round}\n
| step | time | requests | greatest reply | processor time | long tasks | longest | nodes |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |`);
  for (const [name, step] of Object.entries(steps(page))) {
    const [beganMs, usedBefore] = [performance.now(), await taskSeconds(tools)];
    await step();
    const tookMs = performance.now() - beganMs;
    const usedMs = 1000 * (await taskSeconds(tools) - usedBefore);
    const tasksMs = await page.evaluate<number[]>("longTasks.splice(0)");
    const got = await replies.take();
    const longest = tasksMs.length === 0 ? "–" : `${Math.round(Math.max(...tasksMs))} ms`;
    const greatest = Math.max(0, ...got.map(({ bytes }) => bytes)) / 1024;
    const nodes = await page.evaluate<number>("document.querySelectorAll('*').length");
    console.log(
      `| ${name} | ${Math.round(tookMs)} ms | ${got.length} | ${greatest.toFixed(1)} KiB | ` +
        `${Math.round(usedMs)} ms | ${tasksMs.length} | ${longest} | ${nodes} |`,
    );
  }
  if (opened.complaints.length > 0) throw new Error(opened.complaints.join("\n"));
}

/** What the page's thread has used so far. */
async function taskSeconds(tools: CDPSession): Promise<number> {
  const { metrics } = await tools.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")!.value;
}

function steps(page: Page): Record<string, () => Promise<void>> {
  const rows = page.getByRole("region", { name: "Series", exact: true }).locator("tbody tr");
  return {
    "overview": async () => {
      await page.goto(site.url);
      await page.getByRole("region", { name: "Outbox" }).waitFor();
    },
    "series": async () => {
      await page.getByRole("link", { name: "Series" }).click();
      await rows.nth(49).waitFor();
    },
    "search by a key at a time": async () => {
      await page.getByLabel("A part of the name").pressSequentially("sensor9999", { delay: 100 });
      await page.getByText("11 series of").waitFor();
    },
    "all names again": async () => {
      await page.getByLabel("A part of the name").fill("");
      await rows.nth(49).waitFor();
    },
    "a label": async () => {
      await page.getByRole("link", { name: "line=4" }).first().click();
      await page.getByRole("button", { name: "line=4" }).waitFor();
      await page.getByText("The first 50 series").waitFor();
    },
    "450 rows": async () => {
      for (const count of [250, 450]) {
        await page.getByRole("button", { name: "Show more" }).click();
        await rows.nth(count - 1).waitFor();
      }
    },
    "chart": async () => {
      await page.getByRole("link", { name: "plant.sensor10004", exact: true }).click();
      await page.getByRole("link", { name: "1 d", exact: true }).click();
      await page.locator(".chart canvas").waitFor();
    },
    "pointer over the chart": async () => {
      const box = await page.locator(".chart canvas").boundingBox();
      for (let i = 0; i < POINTER_STEPS; i++) {
        await page.mouse.move(box!.x + box!.width * i / POINTER_STEPS, box!.y + 50);
      }
    },
    "windows": async () => {
      await page.getByRole("link", { name: "Windows" }).click();
      await page.getByText(SERIES.toLocaleString("en")).first().waitFor();
    },
  };
}
