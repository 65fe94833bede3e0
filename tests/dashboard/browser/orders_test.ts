/** What admins do in a real browser, and that viewers see the same without the buttons. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Page } from "playwright-core";
import { isChromiumHere, TestBrowser, type TestPage } from "../../support/browser.ts";
import { until } from "../../support/executable.ts";
import { ADMIN_TOKEN, DashboardSite, VIEWER_TOKEN } from "./dashboard_site.ts";

const BUTTONS = [
  "Retry",
  "Purge",
  "Export",
  "Prove now",
  "Pause",
  "Close open windows",
  "Read the settings again",
];

async function signIn(opened: TestPage, site: DashboardSite, token: string): Promise<void> {
  await opened.page.goto(site.url);
  await opened.page.getByLabel("Token").fill(token);
  await opened.page.keyboard.press("Enter");
  await opened.page.getByRole("heading", { name: "Overview" }).waitFor();
}

async function goTo(page: Page, view: string): Promise<void> {
  await page.getByRole("link", { name: view, exact: true }).click();
  await page.getByRole("heading", { name: view, level: 1 }).waitFor();
}

/** Two good events, one of them in two tiers, and three that are refused for two reasons. */
async function publish({ bus }: DashboardSite): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  await bus.publish([
    `{"name":"oven.temperature","value":181.5,"timestamp":${now - 300}}`,
    `{"name":"oven.temperature","value":182.5,"timestamp":${now - 200}}`,
    `{"name":"oven.door","value":"open","timestamp":${now}}`,
    `{"name":"oven.door","value":"shut","timestamp":${now}}`,
    `{"name":"oven.door","value":1,"timestamp":${now + 86_400}}`,
  ]);
}

Deno.test({
  name: "an admin settles dead letters, proves the books and pauses; a viewer sees it all and no button",
  ignore: !isChromiumHere,
  // The browser's driver keeps its own pipes.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  await using site = await DashboardSite.start({ VIEWER_TOKEN, ADMIN_TOKEN, AGGREGATION_INTERVAL: "1,60" });
  await publish(site);
  await using browser = await TestBrowser.start();
  await using opened = await browser.open();
  const { page } = opened;
  const dialog = page.getByRole("dialog");
  const invalid = page.getByRole("region", { name: /^invalid: / });

  await t.step("dead letters: by reason with an example, retried and purged after a question", async () => {
    await signIn(opened, site, ADMIN_TOKEN);
    await goTo(page, "Dead letters");
    await page.getByRole("region", { name: "future: 1 dead letter" }).waitFor();
    await page.getByRole("region", { name: "invalid: 2 dead letters" }).waitFor();
    await invalid.getByText('"value":"shut"').waitFor();
    await page.getByRole("button", { name: "Purge invalid" }).click();
    assert.deepEqual(await opened.barriers(), []);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Retry invalid" }).click();
    await dialog.getByRole("button", { name: "Retry" }).click();
    await invalid.getByText("2 dead letters retried; what is still wrong comes back").waitFor();
    await page.getByRole("button", { name: "Purge future" }).click();
    await dialog.getByRole("button", { name: "Purge" }).click();
    await page.getByRole("region", { name: /^future: / }).waitFor({ state: "hidden" });
    // The card is gone with its buttons. What came of them stays, and has the keyboard.
    const outcome = page.getByRole("status").filter({ hasText: "future: 1 dead letter purged" });
    await outcome.waitFor();
    const focused = await page.evaluate<string>("document.activeElement.innerText");
    assert.match(focused, /^future:\s+1 dead letter purged$/);
    assert.deepEqual(await opened.barriers(), []);
  });

  await t.step("dead letters: exported, and listed under an address of their own", async () => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Export invalid" }).click(),
    ]);
    const lines = (await Deno.readTextFile(await download.path())).trim().split("\n");
    assert.deepEqual(lines.map((line) => JSON.parse(line).reason), ["invalid", "invalid"]);
    await page.getByRole("link", { name: "List invalid" }).click();
    await page.getByRole("heading", { name: "Refused as invalid, newest first" }).waitFor();
    assert.match(page.url(), /#\/dead-letters\?reason=invalid$/);
    await page.getByLabel("The event as it came").nth(1).waitFor();
  });

  await t.step("books: proven at a press, sink by sink and tier by tier", async () => {
    await goTo(page, "Books");
    await page.getByText("The books were not proven yet.").waitFor();
    await page.getByText("The sum is right").waitFor();
    await page.getByRole("button", { name: "Prove now" }).press("Space");
    await page.getByText(/^PROVEN, except 1 that was lost; none is counted twice$/).waitFor();
    await page.getByText("1 event refused as future was purged by an operator").waitFor();
    const table = page.getByRole("region", { name: "The proof by sink and windows" });
    assert.equal(await table.getByText("equal", { exact: true }).count(), 3);
    const focused = await page.evaluate<string>("document.activeElement.innerText");
    assert.equal(focused.trim(), "Prove now", "the keyboard stays where it was");
    assert.deepEqual(await opened.barriers(), []);
  });

  await t.step("a sink is paused and resumed, windows are closed, settings are read again", async () => {
    await goTo(page, "Overview");
    const sink = page.getByRole("region", { name: "sqlite", exact: true });
    await page.getByRole("button", { name: "Pause sink sqlite" }).click();
    await dialog.getByRole("button", { name: "Pause" }).click();
    await sink.locator(".part-state").getByText("paused").waitFor();
    await page.getByRole("button", { name: "Resume sink sqlite" }).click();
    await sink.locator(".part-state").getByText("delivering").waitFor();
    await page.getByRole("button", { name: "Read the settings again" }).click();
    await page.getByText("No setting has changed").waitFor();
    await page.getByRole("button", { name: "Close open windows" }).click();
    await dialog.getByRole("button", { name: "Close open windows" }).click();
    await page.getByText(/^\d+ windows? closed$/).waitFor();
    assert.deepEqual(await opened.barriers(), []);
  });

  await t.step(
    "audit: who, when, what and what came of it; what is looked for is in the address",
    async () => {
      await goTo(page, "Audit");
      const rows = page.getByRole("region", { name: "Orders, newest first" }).locator("tbody tr");
      await rows.nth(7).waitFor();
      assert.deepEqual(
        (await rows.locator("strong").allTextContents()).toSorted(),
        [
          ...["dead-letters export", "dead-letters purge", "dead-letters retry"],
          ...["flush", "pause", "reload", "resume", "verify"],
        ],
      );
      await page.getByLabel("Find").fill("sink sqlite");
      await until(async () => await rows.count() === 2, "the lines that are looked for");
      assert.deepEqual(await rows.locator("strong").allTextContents(), ["resume", "pause"]);
      assert.match(page.url(), /#\/audit\?q=sink\+sqlite$/);
      assert.match(await rows.first().textContent() ?? "", /admin \(session\) from 127\.0\.0\.1/);
      assert.deepEqual(await opened.barriers(), []);
    },
  );

  await t.step("alarms: a bus that is away is there at once, with what to do", async () => {
    await site.bus[Symbol.asyncDispose]();
    await goTo(page, "Alarms");
    const alarm = page.getByRole("region", { name: /^a bus cannot be read: http/ });
    await alarm.getByText("just begun: critical").waitFor();
    await alarm.getByText(/^Mend the bus, the network or the login\./).waitFor();
    assert.deepEqual(await opened.barriers(), []);
    assert.deepEqual(opened.complaints, []);
  });

  await t.step("a viewer sees the same and no button, and nothing is too wide for a phone", async () => {
    await using viewer = await browser.open({ viewport: { width: 360, height: 740 } });
    await signIn(viewer, site, VIEWER_TOKEN);
    await viewer.page.getByRole("region", { name: "sqlite", exact: true }).waitFor();
    const seen = {
      Overview: "Pipeline",
      "Dead letters": "invalid: 2 dead letters",
      Books: /^PROVEN, except 1/,
      Alarms: "What to do",
      Audit: "dead-letters purge",
    };
    for (const [view, text] of Object.entries(seen)) {
      await goTo(viewer.page, view);
      await viewer.page.getByText(text).first().waitFor();
      for (const name of BUTTONS) {
        const found = viewer.page.getByRole("main").getByText(name, { exact: true });
        assert.equal(await found.count(), 0, `${view}: ${name}`);
      }
      assert.equal(await viewer.page.evaluate("document.documentElement.scrollWidth"), 360, view);
      assert.deepEqual(await viewer.barriers(), []);
    }
    assert.deepEqual(viewer.complaints, []);
  });

  await t.step("books: rows that somebody has changed are a cross at their sink and tier", async () => {
    const database = new DatabaseSync(site.sqlitePath);
    database.exec("UPDATE aggregated_events SET count = count + 1");
    database.close();
    await goTo(page, "Books");
    await page.getByRole("button", { name: "Prove now" }).click();
    await page.getByText(/^NOT PROVEN: \d+ differences? /).waitFor();
    const table = page.getByRole("region", { name: "The proof by sink and windows" });
    await table.getByText("different").first().waitFor();
    assert.deepEqual(await opened.barriers(), []);
    assert.deepEqual(opened.complaints, []);
  });
});
