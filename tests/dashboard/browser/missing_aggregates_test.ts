/** Why aggregates are missing though the handler does what it should, in a real browser and in a terminal. */
import assert from "node:assert/strict";
import { runToEnd, until } from "../../support/executable.ts";
import { isChromiumHere, TestBrowser } from "../../support/browser.ts";
import { DashboardSite } from "./dashboard_site.ts";

const ROUTE = "The rule `plant7.*=none` of ROUTES sends to no sink the aggregates of 1 name: plant7.oven.";
const RENAMED =
  /^1 series has stopped when another began, \d+ (?:s|min) ago\. Perhaps it was renamed: plant5\.oven\{line=4\} to werk\.ofen\{line=4\}\.$/;
const FUNCTION = "The rule `plant8.*=none` of AGG_FUNCTIONS drops the events of 1 name: plant8.oven.";

Deno.test({
  name: "rules that drop, a clock ahead and a new name are seen at first, with what to do and their series",
  ignore: !isChromiumHere,
  // The browser's driver keeps its own pipes.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  await using site = await DashboardSite.start({
    STORAGE_TYPE: "sqlite,stdout",
    ROUTES: "plant7.*=none;plant1.*=sqlite;*=sqlite,stdout",
    AGG_FUNCTIONS: "plant8.*=none;*=sum",
  });
  const now = Math.floor(Date.now() / 1000);
  const event = (name: string, timestamp: number, labels = {}) =>
    JSON.stringify({ name, value: 1, timestamp, labels });
  await site.bus.publish([
    ...Array.from({ length: 200 }, (_, i) => i - 200).flatMap((at) => [
      event("plant1.oven", now + at),
      event(at < -100 ? "plant5.oven" : "werk.ofen", now + at, { line: "4" }),
    ]),
    event("plant7.oven", now - 100),
    event("plant8.oven", now - 100),
    event("plant9.oven", now + 10_000),
    event("plant6.oven", now + 20_000),
  ]);
  await using browser = await TestBrowser.start();
  await using opened = await browser.open();
  const { page } = opened;
  const notes = page.getByRole("region", { name: "Notes" });
  const plain = (text: string) => text.replaceAll("`", "");

  await t.step("the overview has a note for each, in words", async () => {
    await page.goto(site.url);
    await notes.getByText(plain(ROUTE)).waitFor();
    await notes.getByText(plain(FUNCTION)).waitFor();
    await notes.getByText(/^2 series are refused, since .* is ahead: plant9\.oven \(by 2\.\d h, the last/)
      .waitFor();
    await notes.getByText(RENAMED).waitFor();
    assert.equal(await notes.getByText("What to do:").count(), 4);
    await page.getByRole("status").getByText("Ready", { exact: true }).waitFor();
    assert.deepEqual(await opened.barriers(), []);
  });

  await t.step("a note can be hidden in this browser, and shown again", async () => {
    await notes.getByRole("listitem").filter({ hasText: "no sink" }).getByRole("button", { name: "Hide" })
      .click();
    const isHidden = async () => {
      await notes.getByText("1 note hidden in this browser.").waitFor();
      assert.equal(await notes.getByText(plain(ROUTE)).count(), 0);
      await notes.getByText(plain(FUNCTION)).waitFor();
      assert.deepEqual(await opened.barriers(), []);
    };
    await isHidden();
    await page.reload();
    await isHidden();
    await page.evaluate(`localStorage.setItem("hidden-notes", "no JSON")`);
    await page.reload();
    await notes.getByText(plain(ROUTE)).waitFor();
    for (let left = 4; left > 0; left--) await notes.getByRole("button", { name: "Hide" }).first().click();
    await notes.getByRole("button", { name: "Show again" }).click();
    assert.equal(await notes.getByRole("listitem").count(), 4);
  });

  await t.step("dead-letters list shows those of a name", async () => {
    const { code, stdout } = await runToEnd(["dead-letters", "list", "--name", "plant9.*"], site.environment);
    assert.equal(code, 0);
    assert.match(stdout, /plant9\.oven/);
    assert.doesNotMatch(stdout, /plant6\.oven/);
  });

  await t.step("status says the same in a terminal", async () => {
    await until(
      async () => {
        const { stdout } = await runToEnd(["status"], site.environment);
        const texts = [ROUTE, FUNCTION, "plant9.oven (by 2.", "Perhaps it was renamed: plant5.oven{line=4}"];
        return texts.every((text) => stdout.includes(text));
      },
      "the notes",
      undefined,
      [site.handler],
    );
  });

  await t.step("a note leads to its series, which are marked", async () => {
    await notes.getByRole("listitem").filter({ hasText: "no sink" }).getByRole("link").click();
    await page.getByText("1 series of").waitFor();
    await page.getByText("a rule of ROUTES drops it (=none)").waitFor();
    assert.match(page.url(), /#\/series\?q=plant7\.$/);
    await opened.back();
    await notes.getByRole("listitem").filter({ hasText: "AGG_FUNCTIONS" }).getByRole("link").click();
    const dropped = page.getByRole("region", { name: "Dropped by a rule" });
    await dropped.getByText("plant8.oven").waitFor();
    await dropped.getByText("the rule plant8.*=none of AGG_FUNCTIONS drops its events").waitFor();
    await page.getByText("Its events come, and a rule drops them: see above.").waitFor();
    await opened.back();
    await notes.getByRole("listitem").filter({ hasText: "renamed" }).getByRole("link").click();
    await page.getByRole("row").filter({ hasText: "plant5.oven" }).getByText("silent: its last window")
      .waitFor();
    assert.match(page.url(), /#\/series\?q=plant5\.oven$/);
    await page.getByRole("region", { name: "Perhaps renamed" }).getByText("werk.ofen").waitFor();
    await page.getByLabel("A part of the name").fill("plant1x.oven");
    await page.getByRole("region", { name: "Similar names" }).getByText("plant1.oven").waitFor();
    await page.getByText(
      /One of these may be meant\. What you look for is in no window since .* is its new name\./,
    )
      .waitFor();
    assert.equal(await page.getByText("renamed").count(), 0);
    assert.deepEqual(await opened.barriers(), []);
    await opened.back();
    await notes.getByRole("listitem").filter({ hasText: "clock" }).getByRole("link").click();
    const troubles = page.getByRole("region", { name: "Late or refused" });
    await troubles.getByText("plant9.oven").waitFor();
    await troubles.getByText(/the latest event is|none since/).first().waitFor();
    assert.deepEqual(await opened.barriers(), []);
    await troubles.getByRole("listitem").filter({ hasText: "plant9" }).getByRole("link", {
      name: "dead letters",
    }).click();
    await page.getByRole("heading", { name: "Refused as future: plant9.oven, newest first" }).waitFor();
    assert.equal(await page.locator(".dead-letter").count(), 1, "not that of plant6.oven");
    await page.getByText(/the event says .*\d\d:\d\d:\d\d/).waitFor();
    await opened.back();
    assert.deepEqual(await opened.barriers(), []);
  });

  await t.step("a series that a route keeps from one of the sinks says which others have it", async () => {
    await opened.go("#/series?q=plant1.");
    await page.getByText("goes to sqlite only, by ROUTES").waitFor();
    await opened.go("#/series?q=werk.ofen");
    await page.getByRole("row").filter({ hasText: "werk.ofen" }).waitFor();
    assert.equal(await page.getByText("by ROUTES").count(), 0);
    assert.deepEqual(await opened.barriers(), []);
  });

  await t.step("a series page says why the handler is not ready", async () => {
    const obstacles = page.getByRole("region", { name: "The handler is not ready" });
    assert.equal(await obstacles.count(), 0);
    await site.bus[Symbol.asyncDispose]();
    await obstacles.getByText("A bus cannot be read").waitFor();
    await opened.go("#/series?q=plant77");
    await page.getByText("Its events may not have come in: the handler is not ready, see above.").waitFor();
    assert.deepEqual(await opened.barriers(), []);
    assert.deepEqual(opened.complaints, []);
  });
});
