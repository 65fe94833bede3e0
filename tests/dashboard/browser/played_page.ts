import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { PageMemory, TestBrowser, TestPage } from "../../support/browser.ts";
import { until } from "../../support/executable.ts";
import { DashboardSite } from "./dashboard_site.ts";

const SCRIPT = fileURLToPath(new URL("played_handler.js", import.meta.url));
const WORDS = ["alive", "pipeline", "readiness", "status", "window"];
/** The page's clock goes far ahead, so the span is long. */
const CHART = "#/series?name=oven&func=sum&tier=1&span=604800";
const MINUTE_MS = 60_000;

/** A page for which time passes only as a test says, and then as fast as the page can bear. */
export class PlayedPage implements AsyncDisposable {
  private constructor(private readonly opened: TestPage) {}

  /** A handler that has something for each view. */
  static async site(): Promise<DashboardSite> {
    const site = await DashboardSite.start({ AGGREGATION_INTERVAL: "1,60" });
    const now = Math.floor(Date.now() / 1000);
    await site.bus.publish([
      ...Array.from(
        { length: 300 },
        (_, i) => `{"name":"oven","value":${i % 7},"timestamp":${now - 300 + i}}`,
      ),
      `{"name":"door","value":"open","timestamp":${now}}`,
    ]);
    const isThere = async () => (await (await fetch(`${site.url}/api/history`)).json()).times.length > 0;
    await until(isThere, "the first step of the history", undefined, [site.handler]);
    return site;
  }

  /** Opens the page at such a handler, and goes on with what that handler has said. */
  static async open(site: DashboardSite, browser: TestBrowser): Promise<PlayedPage> {
    const opened = await browser.open();
    const { page } = opened;
    await page.clock.install();
    await page.addInitScript({ path: SCRIPT });
    await page.goto(site.url);
    await until(async () => {
      const event = { name: "oven", value: 1, timestamp: Date.now() / 1000 };
      await site.bus.publish([JSON.stringify(event)]);
      const heard = await page.evaluate<string[]>("playedHandler.heard()");
      return WORDS.every((word) => heard.includes(word));
    }, "each word of the stream");
    await page.clock.pauseAt(await page.evaluate<number>("Date.now() + 1000"));
    await page.evaluate("playedHandler.begin()");
    return new PlayedPage(opened);
  }

  get complaints(): readonly string[] {
    return this.opened.complaints;
  }

  /** The addresses of all views within the page, and of the chart of a series. */
  async views(): Promise<string[]> {
    const links = await this.opened.page.getByRole("navigation").getByRole("link").all();
    const addresses = await Promise.all(links.map(async (link) => await link.getAttribute("href") ?? ""));
    return [...addresses, CHART];
  }

  /** Shows a view until all that it asks for is there. */
  async show(view: string): Promise<void> {
    const { page } = this.opened;
    await page.evaluate(`location.hash = ${JSON.stringify(view)}`);
    // What is asked for may lead to another question.
    for (let round = 0; round < 3; round++) {
      await page.clock.runFor(1000);
      await until(async () => await page.evaluate("playedHandler.waiting() === 0"), `replies for ${view}`);
    }
  }

  async pass(minutes: number): Promise<void> {
    await this.opened.page.clock.runFor(minutes * MINUTE_MS);
  }

  memory(): Promise<PageMemory> {
    return this.opened.memory();
  }

  /**
   * What the page keeps now. What is no longer used may need more than one collection until it is gone.
   *
   * @throws It has more nodes or listeners than before.
   */
  async memoryAsBefore(before: PageMemory, view: string): Promise<PageMemory> {
    let now = await this.memory();
    assert.equal(now.nodes, before.nodes, `nodes of ${view}`);
    await until(
      async () => {
        now = await this.memory();
        return now.nodesKept <= before.nodesKept && now.listeners <= before.listeners;
      },
      () => `the nodes and listeners of ${view} that it had: ${JSON.stringify({ before, now })}`,
    );
    return now;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.opened[Symbol.asyncDispose]();
  }
}
