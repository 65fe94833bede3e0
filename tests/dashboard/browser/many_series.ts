import type { Page, Request } from "playwright-core";
import { until } from "../../support/executable.ts";
import { DashboardSite } from "./dashboard_site.ts";

/** A reply of the handler to a page. What the page has given up counts 0 bytes. */
export interface PageReply {
  /** With its query. */
  readonly path: string;
  readonly bytes: number;
}

/**
 * Starts a handler with very many series, of names from `plant.sensor0` on.
 *
 * @param open Series in the open window.
 * @param closed How many of them are in a window that has closed, too.
 */
export async function siteWithSeries(open: number, closed: number): Promise<DashboardSite> {
  // The open window stays so after its end, which may be near: only a bus that is idle would close it.
  const site = await DashboardSite.start({
    AGGREGATION_INTERVAL: "3600",
    ALLOWED_LATENESS: "3600",
    IDLE_TIMEOUT: "86400",
  });
  const now = Math.floor(Date.now() / 1000);
  for (const [count, timestamp] of [[closed, now - 7200], [open, now]] as const) {
    await site.bus.publish(Array.from({ length: count }, (_, i) => {
      const labels = `{"line":"${i % 10}","plant":"${i % 7}"}`;
      return `{"name":"plant.sensor${i}","value":${i % 100},"timestamp":${timestamp},"labels":${labels}}`;
    }));
  }
  const isThere = async () => {
    const { tiers: [tier] } = await (await fetch(`${site.url}/api/windows`)).json();
    const newest = tier?.closed[0];
    return newest?.aggregates === closed && newest.waiting_for.length === 0 &&
      tier.open.at(-1)?.series === open;
  };
  await until(isThere, "all series", undefined, [site.handler]);
  return site;
}

/** What a page asks of the API, and the replies; without the stream, which does not end. */
export class Replies {
  private readonly asked: Promise<PageReply>[] = [];

  constructor(page: Page) {
    const ends = new Map<Request, PromiseWithResolvers<PageReply>>();
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (!pathname.startsWith("/api/") || pathname === "/api/stream") return;
      const end = Promise.withResolvers<PageReply>();
      ends.set(request, end);
      this.asked.push(end.promise);
    });
    page.on("requestfinished", async (request) => {
      const end = ends.get(request);
      end?.resolve({ path: pathOf(request), bytes: (await request.sizes()).responseBodySize });
    });
    // Where a page gives a question up after the head of its reply, `response.finished()` never ends.
    page.on("requestfailed", (request) => ends.get(request)?.resolve({ path: pathOf(request), bytes: 0 }));
  }

  /** Those to all that was asked since the last call. */
  take(): Promise<PageReply[]> {
    return Promise.all(this.asked.splice(0));
  }
}

function pathOf(request: Request): string {
  const { pathname, search } = new URL(request.url());
  return pathname + search;
}
