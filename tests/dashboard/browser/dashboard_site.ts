import type { Page } from "playwright-core";
import { type Environment, Program, temporaryDirectory, until } from "../../support/executable.ts";
import { freePort } from "../../support/free_port.ts";
import { Bus, handlerEnvironment, sqlitePath } from "../../e2e/plant.ts";

export const VIEWER_TOKEN = "viewer-token-for-tests";
export const ADMIN_TOKEN = "admin-token-for-tests";

/** A running handler with a bus, an SQLite sink and the dashboard. Leaving its scope ends them. */
export class DashboardSite implements AsyncDisposable {
  private constructor(
    readonly url: string,
    readonly bus: Bus,
    readonly handler: Program,
    /** The file of its sink. */
    readonly sqlitePath: string,
    /** For commands on its state. */
    readonly environment: Environment,
    private readonly directory: AsyncDisposable,
  ) {}

  /** @param more Settings beside those that every such handler has. */
  static async start(more: Readonly<Record<string, string>> = {}): Promise<DashboardSite> {
    const directory = await temporaryDirectory();
    const bus = await Bus.start();
    const address = `127.0.0.1:${freePort()}`;
    const environment = handlerEnvironment(bus.url, directory.path, {
      STORAGE_TYPE: "sqlite",
      HTTP_LISTEN: address,
      AGGREGATION_INTERVAL: "1",
      CHECKPOINT_INTERVAL: "0.1",
      ...more,
    });
    const handler = Program.start(["run"], environment);
    const url = `http://${address}`;
    await until(async () => (await fetch(`${url}/readyz`)).ok, "a ready handler", undefined, [handler]);
    return new DashboardSite(url, bus, handler, sqlitePath(directory.path), environment, directory);
  }

  /** Publishes events until the page shows that they flow, which it does for some seconds only. */
  async letFlow(page: Page): Promise<void> {
    await until(async () => {
      const event = { name: "oven", value: 1, timestamp: Math.floor(Date.now() / 1000) };
      await this.bus.publish([JSON.stringify(event)]);
      return await page.locator(".flow-moving").count();
    }, "events that flow");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handler.kill9();
    await this.bus[Symbol.asyncDispose]();
    await this.directory[Symbol.asyncDispose]();
  }
}
