/** How the page behaves in a real browser, whatever it shows: hidden, on a phone, and with many rows. */
import assert from "node:assert/strict";
import { until } from "../../support/executable.ts";
import { isChromiumHere, TestBrowser } from "../../support/browser.ts";
import { DashboardSite } from "./dashboard_site.ts";

const PHONE = { width: 360, height: 740 };

Deno.test({
  name: "a hidden page closes its stream, a phone shows the whole menu, and rows share one listener",
  ignore: !isChromiumHere,
  // The browser's driver keeps its own pipes.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  await using site = await DashboardSite.start();
  const now = Math.floor(Date.now() / 1000);
  await site.bus.publish(
    Array.from({ length: 60 }, (_, i) => `{"name":"oven${i}","value":1,"timestamp":${now - 60 + i}}`),
  );
  await using browser = await TestBrowser.start();
  await using opened = await browser.open({ viewport: PHONE });
  const { page } = opened;
  await page.addInitScript(`{
    globalThis.drawn = [];
    const draw = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
      drawn.push({ text, x, y, width: this.measureText(text).width });
      return draw.call(this, text, x, y, ...rest);
    };
    globalThis.streams = [];
    globalThis.hashListeners = 0;
    const Source = EventSource;
    globalThis.EventSource = class extends Source {
      constructor(...given) {
        super(...given);
        streams.push(this);
      }
    };
    const add = globalThis.addEventListener;
    globalThis.addEventListener = (type, ...rest) => {
      if (type === "hashchange") hashListeners++;
      return add.call(globalThis, type, ...rest);
    };
    let isHidden = false;
    Object.defineProperty(document, "hidden", { get: () => isHidden });
    globalThis.hide = (hidden) => {
      isHidden = hidden;
      document.dispatchEvent(new Event("visibilitychange"));
    };
  }`);
  await page.goto(site.url);
  await page.getByRole("region", { name: "Outbox" }).waitFor();
  const open = () => page.evaluate<number>("streams.filter(({ readyState }) => readyState < 2).length");

  await t.step("on a phone each entry of the menu is within the page", async () => {
    for (const link of await page.getByRole("navigation").getByRole("link").all()) {
      const box = await link.boundingBox();
      assert.ok(box!.x >= 0 && box!.x + box!.width <= 360, `${await link.textContent()}: ${box!.x}`);
    }
  });

  await t.step("the times below a chart do not overlap", async () => {
    // A short span on a wide screen has seconds.
    await page.setViewportSize({ width: 1440, height: 740 });
    await opened.go("#/series?name=oven0&func=sum&tier=1&span=900");
    await until(
      async () => await page.evaluate<boolean>("drawn.some(({ text }) => /^..:../.test(text))"),
      "times",
    );
    const gap = await page.evaluate<number>(`{
      const last = drawn.findLastIndex(({ text }) => /^..:../.test(text));
      const times = drawn.filter(({ text, y }) => /^..:../.test(text) && y === drawn[last].y);
      const unique = [...new Map(times.map((one) => [one.text, one])).values()].sort((a, b) => a.x - b.x);
      Math.min(...unique.slice(1).map((one, i) => one.x - unique[i].x - (one.width + unique[i].width) / 2));
    }`);
    assert.ok(gap > 4, `${gap} pixels between two times`);
    await opened.go("#/");
    await page.setViewportSize(PHONE);
    await page.getByRole("region", { name: "Outbox" }).waitFor();
  });

  await t.step("a hidden page has no stream, a seen one has it again", async () => {
    assert.equal(await open(), 1);
    await page.evaluate("hide(true)");
    assert.equal(await open(), 0);
    await page.evaluate("hide(false)");
    await until(async () => await open() === 1, "the stream");
    await site.letFlow(page);
    await page.getByRole("status").getByText("Ready", { exact: true }).waitFor();
  });

  await t.step("fifty rows follow the address with one listener", async () => {
    await page.getByRole("link", { name: "Series" }).click();
    await page.getByRole("region", { name: "Series", exact: true }).locator("tbody tr").nth(49).waitFor();
    assert.equal(await page.evaluate("hashListeners"), 1);
    assert.deepEqual(await opened.barriers(), []);
    assert.deepEqual(opened.complaints, []);
  });
});
