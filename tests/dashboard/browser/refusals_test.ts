/** A bus and a sink that are reached and do not work all the same, in a real browser and in a terminal. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { isChromiumHere, TestBrowser } from "../../support/browser.ts";
import { runToEnd, until } from "../../support/executable.ts";
import { DashboardSite } from "./dashboard_site.ts";

Deno.test({
  name: "a bus that refuses and a sink that is locked are not said to be out of reach",
  ignore: !isChromiumHere,
  // The browser's driver keeps its own pipes.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  await using site = await DashboardSite.start();
  await using browser = await TestBrowser.start();
  await using opened = await browser.open();
  const { page } = opened;
  await page.goto(site.url);
  await site.letFlow(page);
  const causes = page.getByRole("region", { name: "Why the handler is not ready" });

  const isToldInTerminal = async (said: RegExp) => {
    let told = "";
    await until(
      async () => said.test(told = (await runToEnd(["status"], site.environment)).stdout),
      () => `${said} in ${told}`,
      undefined,
      [site.handler],
    );
    assert.doesNotMatch(told, /cannot be reached|out of reach/);
  };

  await t.step("a sink that another process locks", async () => {
    const file = new DatabaseSync(site.sqlitePath);
    file.exec("BEGIN EXCLUSIVE");
    try {
      const cause = causes.getByRole("listitem").filter({ hasText: "A sink cannot be written" });
      await until(async () => {
        const event = { name: "oven", value: 1, timestamp: Math.floor(Date.now() / 1000) };
        await site.bus.publish([JSON.stringify(event)]);
        return await cause.getByText(/database is locked/).count();
      }, "the cause");
      assert.doesNotMatch(await causes.innerText(), /cannot be reached|out of reach/);
      await isToldInTerminal(/database is locked/);
      assert.deepEqual(await opened.barriers(), []);
    } finally {
      file.exec("ROLLBACK");
      file.close();
    }
  });

  await t.step("a bus that answers 401", async () => {
    const port = Number(new URL(site.bus.url).port);
    await site.bus[Symbol.asyncDispose]();
    const refuse = () => new Response("who are you?", { status: 401 });
    await using _refusing = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, refuse);
    const cause = causes.getByRole("listitem").filter({ hasText: "A bus cannot be read" });
    await cause.getByText(/401/).waitFor();
    assert.match(await cause.innerText(), /What to do: Change what the message names/);
    assert.doesNotMatch(await causes.innerText(), /cannot be reached|out of reach/);
    await isToldInTerminal(/401/);
    assert.deepEqual(await opened.barriers(), []);
  });
});
