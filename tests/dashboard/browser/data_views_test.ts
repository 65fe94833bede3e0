/** History, windows and series in a real browser. */
import assert from "node:assert/strict";
import { until } from "../../support/executable.ts";
import { isChromiumHere, TestBrowser } from "../../support/browser.ts";
import { DashboardSite } from "./dashboard_site.ts";

Deno.test({
  name: "history, windows and series are seen, found, shared by their address, and without barriers",
  ignore: !isChromiumHere,
  // The browser's driver keeps its own pipes.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  await using site = await DashboardSite.start({ AGGREGATION_INTERVAL: "1,60" });
  const base = Math.floor(Date.now() / 60_000) * 60 - 600;
  const event = (name: string, second: number, value: number, line: string) =>
    JSON.stringify({ name, value, timestamp: base + second, labels: { line } });
  await site.bus.publish([
    ...Array.from({ length: 120 }, (_, i) => event("oven.temperature", i, 180 + i % 7, "4")),
    event("oven.temperature", 3, 90, "5"),
    event("door", 130, 1, "4"),
  ]);
  const get = async (path: string) => await (await fetch(`${site.url}/api/${path}`)).json();
  const isClosed = async (received: number) => {
    const { accounting } = await get("status");
    return accounting.received === received && accounting.closed === accounting.contributed;
  };
  await until(() => isClosed(122), "closed windows", undefined, [site.handler]);
  await site.bus.publish([event("oven.temperature", 5.5, 20, "4")]);
  await until(() => isClosed(123), "the correction", undefined, [site.handler]);
  await using browser = await TestBrowser.start();
  await using opened = await browser.open();
  const { page } = opened;

  await t.step("windows by tier, with corrections and sinks", async () => {
    await page.goto(`${site.url}/#/windows?tier=60`);
    const region = page.getByRole("region", { name: "Windows of 1 min", exact: true });
    await region.getByText("1 aggregate", { exact: true }).waitFor();
    await region.getByText("delivered").first().waitFor();
    assert.equal(await page.getByRole("region", { name: "Windows of 1 s", exact: true }).count(), 0);
    assert.deepEqual(await opened.barriers(), []);
  });

  await t.step(
    "a series is found by a part of its name and a label, and its chart shows the correction",
    async () => {
      await page.getByRole("link", { name: "Series" }).click();
      await page.getByLabel("A part of the name").fill("TEMP");
      await page.getByText("2 series of").waitFor();
      await page.getByRole("link", { name: "line=4" }).first().click();
      await page.getByText("1 series of").waitFor();
      await page.getByRole("link", { name: "oven.temperature" }).click();
      await page.getByText(/^120 windows since .*, 1 of them corrected by late events \(rings\)$/).waitFor();
      const focused = await page.evaluate<string>("document.activeElement.innerText");
      assert.equal(focused, "oven.temperature line=4", "the keyboard goes on at the chart");
      const corrected = page.getByRole("region", { name: "Corrected windows" }).getByRole("row").nth(1);
      assert.deepEqual((await corrected.getByRole("cell").allTextContents()).slice(1), [
        "185",
        "205",
        "2",
        "1",
      ]);
      await page.getByRole("link", { name: "1 min", exact: true }).click();
      await page.getByText(/^2 windows since .*, 1 of them corrected/).waitFor();
      await page.getByText(/^As a table \([^ ].*\)$/).click();
      await page.getByRole("cell", { name: /\(corrected\)/ }).waitFor();
      assert.deepEqual(await opened.barriers(), []);
    },
  );

  await t.step("the address shows the same to somebody else", async () => {
    await using other = await browser.open({ viewport: { width: 360, height: 740 }, colorScheme: "dark" });
    await other.page.goto(page.url());
    await other.page.getByText(/^2 windows since .*, 1 of them corrected/).waitFor();
    assert.equal(await other.page.getByLabel("A part of the name").inputValue(), "TEMP");
    const isWider = await other.page.evaluate<boolean>(
      "document.documentElement.scrollWidth > document.documentElement.clientWidth",
    );
    assert.equal(isWider, false, "a phone does not scroll sideways");
    assert.deepEqual(await other.barriers(), []);
    assert.deepEqual(other.complaints, []);
  });

  await t.step("the history has what was received", async () => {
    await until(
      async () => (await get("history")).events.received.some((count: number) => count > 0),
      "the first step of the history",
      undefined,
      [site.handler],
    );
    await page.getByRole("link", { name: "History" }).click();
    await page.getByRole("heading", { name: "Throughput" }).waitFor();
    await page.getByText("1 series of").waitFor({ state: "detached" });
    // Whether the late event is in the steps so far is a matter of time.
    assert.equal(await page.locator("section:not([aria-label=Late]) > .chart canvas").count(), 4);
    await page.getByRole("link", { name: "Last day" }).click();
    await page.waitForURL(/span=day/);
    await page.getByRole("heading", { name: "Outbox" }).waitFor();
    assert.deepEqual(await opened.barriers(), []);
    assert.deepEqual(opened.complaints, []);
  });
});
