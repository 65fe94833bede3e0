/**
 * The page with 100,000 series, in a real browser: what it asks for, gets and shows has a bound. How long its
 * user waits is measured by bench/dashboard_series.ts.
 */
import assert from "node:assert/strict";
import { isChromiumHere, TestBrowser } from "../../support/browser.ts";
import { Replies, siteWithSeries } from "./many_series.ts";

const SERIES = 100_000;
const CLOSED = 1000;
const FIRST_ROWS = 50;
/** The most that the page lists. */
const ROWS_MAX = 450;
const REPLY_MAX_BYTES = 512 * 1024;
/** A row of the list has a link, labels and a value for each tier. */
const ROW_MAX_NODES = 40;

Deno.test({
  name: "with 100,000 series the page asks once for what it shows, gets little, and shows few of them",
  ignore: !isChromiumHere,
  // The browser's driver keeps its own pipes.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  await using site = await siteWithSeries(SERIES, CLOSED);
  await using browser = await TestBrowser.start();
  await using opened = await browser.open();
  const { page } = opened;
  const replies = new Replies(page);
  const rows = page.getByRole("region", { name: "Series", exact: true }).locator("tbody tr");
  const elements = () => page.evaluate<number>("document.querySelectorAll('*').length");
  /** The questions about series since the last call, after a look at the size of all replies. */
  const asked = async (path: string) => {
    const got = await replies.take();
    for (const reply of got) {
      assert.ok(reply.bytes <= REPLY_MAX_BYTES, `${reply.bytes} bytes of ${reply.path}`);
    }
    return got.filter((reply) => reply.path.startsWith(`${path}?`)).length;
  };
  await page.goto(site.url);
  await page.getByRole("region", { name: "Outbox" }).waitFor();
  const frame = await elements();

  await t.step("the words of the stream are short", async () => {
    for (const path of ["api/status", "api/pipeline", "readyz"]) {
      const text = await (await fetch(`${site.url}/${path}`)).text();
      assert.ok(text.length < 16 * 1024, `${text.length} bytes of ${path}`);
    }
  });

  await t.step("the first series, by one question", async () => {
    await page.getByRole("link", { name: "Series" }).click();
    await rows.nth(FIRST_ROWS - 1).waitFor();
    assert.equal(await rows.count(), FIRST_ROWS);
    assert.equal(await asked("/api/series"), 1);
    assert.ok(await elements() < frame + FIRST_ROWS * ROW_MAX_NODES);
  });

  await t.step("one of all is found, by one question", async () => {
    await page.getByLabel("A part of the name").fill("SENSOR99999");
    await rows.nth(1).waitFor({ state: "detached" });
    await page.getByRole("link", { name: "plant.sensor99999", exact: true }).waitFor();
    assert.equal(await rows.count(), 1);
    assert.equal(await asked("/api/series"), 1);
    await page.getByLabel("A part of the name").fill("");
    await rows.nth(FIRST_ROWS - 1).waitFor();
  });

  await t.step("more are shown on demand, up to a bound", async () => {
    await replies.take();
    for (const count of [250, ROWS_MAX]) {
      await page.getByRole("button", { name: "Show more" }).click();
      await rows.nth(count - 1).waitFor();
    }
    assert.equal(await page.getByRole("button", { name: "Show more" }).count(), 0);
    assert.equal(await rows.count(), ROWS_MAX);
    assert.equal(await asked("/api/series"), 2);
    assert.ok(await elements() < frame + ROWS_MAX * ROW_MAX_NODES);
  });

  await t.step(
    "one of them as a chart, by one question about its variants and one for its values",
    async () => {
      await page.getByRole("link", { name: "plant.sensor0", exact: true }).click();
      await page.getByRole("link", { name: "1 d", exact: true }).click();
      await page.getByText(/^1 window.*, none corrected/).waitFor();
      assert.equal(await page.locator(".chart canvas").count(), 1);
      assert.equal(await asked("/api/series"), 1);
    },
  );

  await t.step("their window is a row", async () => {
    await page.getByRole("link", { name: "Windows" }).click();
    await page.getByRole("cell", { name: "100,000", exact: true }).first().waitFor();
    assert.ok(await elements() < 2 * frame);
    await asked("/api/windows");
    assert.deepEqual(opened.complaints, []);
  });
});
