/** The page in a real browser: who gets in, and what is seen first. */
import assert from "node:assert/strict";
import { isChromiumHere, TestBrowser } from "../../support/browser.ts";
import { DashboardSite, VIEWER_TOKEN } from "./dashboard_site.ts";

Deno.test({
  name: "who has the token sees the pipeline, and leaves by signing out",
  ignore: !isChromiumHere,
  // The browser's driver keeps its own pipes.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  await using site = await DashboardSite.start({ VIEWER_TOKEN });
  await using browser = await TestBrowser.start();
  await using opened = await browser.open();
  const { page } = opened;

  await t.step("a wrong token is told", async () => {
    await page.goto(site.url);
    await page.getByLabel("Token").fill("wrong");
    assert.equal(await page.getByText("Your session is over").count(), 0);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("the token is not right").waitFor();
    assert.deepEqual(await opened.barriers(), []);
    // The browser itself notes the refusal in its console.
    assert.ok(opened.complaints.splice(0).every((text) => text.includes("401")));
  });

  await t.step("the right one shows the pipeline", async () => {
    await page.getByLabel("Token").fill(VIEWER_TOKEN);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.getByRole("region", { name: "Outbox" }).waitFor();
    await page.getByRole("region", { name: "sqlite" }).getByText("delivering").waitFor();
    await page.getByRole("status").getByText("Ready", { exact: true }).waitFor();
    assert.equal(await page.title(), "Overview · VaBus Data Handler");
    assert.deepEqual(await opened.barriers(), []);
  });

  await t.step("events that come are seen without a reload", async () => {
    await site.letFlow(page);
  });

  await t.step("who signs out sees nothing more, and is asked for the token again", async () => {
    const isAnswered = Promise.withResolvers<void>();
    await page.route("**/api/session", async (route) => {
      if (route.request().method() === "DELETE") await isAnswered.promise;
      await route.continue();
    });
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("Loading …").waitFor();
    assert.equal(await page.getByRole("heading", { name: "Overview" }).count(), 0);
    isAnswered.resolve();
    await page.getByText("Your session is over").waitFor();
    await page.getByLabel("Token").waitFor();
    assert.deepEqual(opened.complaints, []);
    assert.deepEqual(await opened.barriers(), []);
  });
});
