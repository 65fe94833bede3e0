/** The overview in a real browser: on a phone, with little motion, in forced colours, and in an outage. */
import assert from "node:assert/strict";
import { isChromiumHere, TestBrowser } from "../../support/browser.ts";
import { DashboardSite } from "./dashboard_site.ts";

const PHONE = { width: 360, height: 740 };

Deno.test({
  name: "the overview fits a phone, keeps still where asked to, and shows an outage with what to do",
  ignore: !isChromiumHere,
  // The browser's driver keeps its own pipes.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  await using site = await DashboardSite.start();
  await using browser = await TestBrowser.start();
  await using opened = await browser.open({ viewport: PHONE, reducedMotion: "reduce", colorScheme: "dark" });
  const { page } = opened;
  await page.goto(site.url);
  await page.getByRole("region", { name: "Outbox" }).waitFor();

  await t.step("nothing is wider than a phone, and nothing moves", async () => {
    await site.letFlow(page);
    const [width, animations] = await page.evaluate(
      "[document.documentElement.scrollWidth, document.getAnimations().length]",
    ) as [number, number];
    assert.equal(width, PHONE.width);
    assert.equal(animations, 0);
  });

  await t.step("forced colours hide nothing", async () => {
    await page.emulateMedia({ forcedColors: "active" });
    await page.getByRole("region", { name: "sqlite" }).getByText("delivering").waitFor();
    assert.deepEqual(await opened.barriers(), []);
  });

  await t.step("the skip link leads to the content by keyboard", async () => {
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate("document.activeElement.id"), "content");
    assert.deepEqual(opened.complaints, []);
  });

  await t.step("a bus that goes away is a cause with what to do", async () => {
    await site.bus[Symbol.asyncDispose]();
    await page.getByRole("heading", { name: "A bus cannot be read" }).waitFor();
    await page.getByText("What to do:").waitFor();
    await page.getByRole("status").getByText("Not ready: 1 cause").waitFor();
    assert.deepEqual(await opened.barriers(), []);
    assert.deepEqual(opened.complaints, []);
  });

  await t.step("a handler that hangs is told, and when it goes on, so is that", async () => {
    site.handler.signal("SIGSTOP");
    await page.getByRole("status").getByText(/^(Waiting for|No word from) the handler$/).waitFor();
    site.handler.signal("SIGCONT");
    await page.getByRole("status").getByText("Not ready: 1 cause").waitFor();
    assert.deepEqual(opened.complaints, []);
  });

  await t.step("a handler that is gone is told, and what was known stays", async () => {
    await site.handler.kill9();
    await page.getByRole("status").getByText("No word from the handler").waitFor();
    await page.getByRole("region", { name: "sqlite" }).waitFor();
  });
});
