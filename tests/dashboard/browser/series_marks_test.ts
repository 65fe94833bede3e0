/** What is unusual about series, and the alarms over them, in a real browser. */
import assert from "node:assert/strict";
import { isChromiumHere, TestBrowser } from "../../support/browser.ts";
import { until } from "../../support/executable.ts";
import { ADMIN_TOKEN, DashboardSite } from "./dashboard_site.ts";

Deno.test({
  name: "series are marked that are late, silent, new or waiting; alarms name series and lead to them",
  ignore: !isChromiumHere,
  // The browser's driver keeps its own pipes.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  await using site = await DashboardSite.start({ ADMIN_TOKEN });
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" };
  const body = JSON.stringify({ kind: "sink", name: "sqlite" });
  const pause = await fetch(`${site.url}/api/pause`, { method: "POST", headers, body });
  assert.equal(pause.status, 200, await pause.text());
  const base = Math.floor(Date.now() / 1000) - 600;
  let sent = 0;
  /** Publishes events, one for each second, and waits until their windows have closed. */
  const publish = async (name: string, from: number, count: number) => {
    sent += count;
    await site.bus.publish(
      Array.from({ length: count }, (_, i) => JSON.stringify({ name, value: 1, timestamp: base + from + i })),
    );
    await until(
      async () => {
        const { accounting } = await (await fetch(`${site.url}/api/status`, { headers })).json();
        return accounting.received === sent && accounting.closed === accounting.contributed;
      },
      `closed windows of ${name}`,
      undefined,
      [site.handler],
    );
  };
  await publish("plant7.old", 0, 10);
  await publish("plant1.oven", 10, 20);
  await publish("plant7.fresh", 30, 10);
  await publish("plant7.slow", 40, 2);
  await publish("plant7.slow", -1200, 12);
  await publish("plant7.early", 10_000, 60);
  await using browser = await TestBrowser.start();
  await using opened = await browser.open();
  const { page } = opened;
  await page.goto(site.url);
  await page.getByLabel("Token").fill(ADMIN_TOKEN);
  await page.keyboard.press("Enter");

  await t.step("the overview names the series of both alarms", async () => {
    const alarms = page.getByRole("region", { name: "Alarms", exact: true });
    await alarms.getByText("They are of 1 series: plant7.early.").waitFor();
    await alarms.getByText(/^1 series keeps sending late events: plant7\.slow /).waitFor();
    assert.deepEqual(await opened.barriers(), []);
  });

  await t.step("an alarm's card says what to do, and leads to the series", async () => {
    await page.getByRole("link", { name: "What to do" }).click();
    const mass = page.getByRole("region", { name: "a mass of events is refused: ahead of the clock" });
    await page.getByRole("region", { name: "late data" }).getByText("What to do").waitFor();
    await mass.getByText("What to do").waitFor();
    assert.deepEqual(await opened.barriers(), []);
    await mass.getByRole("link", { name: "Show the series" }).click();
    const troubles = page.getByRole("region", { name: "Late or refused" });
    await troubles.getByText("plant7.early").waitFor();
    await troubles.getByText("plant7.slow").waitFor();
  });

  await t.step("marks in the list", async () => {
    await page.getByLabel("A part of the name").fill("plant7");
    const marked = (name: string, mark: RegExp) =>
      page.getByRole("row").filter({ hasText: name }).filter({ hasText: mark }).waitFor();
    await marked("plant7.old", /silent: its last window is that of/);
    await marked("plant7.old", /waits in the outbox for sqlite/);
    await marked("plant7.fresh", /new: its first window is that of/);
    await marked("plant7.slow", /the latest event is 20 min|events came 20 min/);
    assert.deepEqual(await opened.barriers(), []);
    assert.deepEqual(opened.complaints, []);
  });
});
