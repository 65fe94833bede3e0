/**
 * What a scrape of `/metrics` takes and costs while very many series are open.
 *
 *   scripts/deno.sh run -A bench/scrape.ts --series 100000 --scrapes 300 --events-per-second 10000
 *
 * The handler first gets one event of each series, all in one window. Then it is scraped at rest, and while
 * events of all series come at an even pace. The processor time of a scrape is the difference between resting
 * with and without scrapes. Then it reads a backlog, in turns with and without scrapes. These go by the
 * processor time that the handler has used, so that what else runs on the machine does not matter.
 * At last the window closes with all series, by the order to flush, while it is scraped without a pause.
 */
import { parseArgs } from "node:util";
import { BusProgram, handlerEnvironment } from "../tests/e2e/plant.ts";
import { pause, Program, temporaryDirectory, until } from "../tests/support/executable.ts";
import { freePort } from "../tests/support/free_port.ts";
import { cpuSeconds } from "./process_usage.ts";

const { values: options } = parseArgs({
  options: {
    "series": { type: "string", default: "100000" },
    "scrapes": { type: "string", default: "300" },
    "events-per-second": { type: "string", default: "10000" },
    "turns": { type: "string", default: "5" },
    "events-a-turn": { type: "string", default: "2000000" },
  },
});
const SERIES = Number(options.series);
const SCRAPES = Number(options.scrapes);
const EVENTS_PER_SECOND = Number(options["events-per-second"]);
const TURNS = Number(options.turns);
const EVENTS_A_TURN = Number(options["events-a-turn"]);
const TOKEN = "admin-of-the-benchmark";
const PUBLISHES_PER_SECOND = 10;
const SCRAPE_EVERY_MS = 100;
/** How often Prometheus scrapes where nothing else is set: once a minute is its default, 15 s is usual. */
const USUAL_INTERVAL_SECONDS = 15;
const TIMEOUT_MS = 120_000;
const SETTLING_MS = 3000;
const POLL_MS = 50;
/** More often than anybody scrapes, so that the cost is more than the turns differ by themselves. */
const SCRAPES_A_CPU_SECOND = 10;

await using directory = await temporaryDirectory();
await using bus = await BusProgram.start();
const address = `127.0.0.1:${freePort()}`;
await using handler = Program.start(
  ["run"],
  handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "sqlite",
    // One window stays open for as long as this takes.
    AGGREGATION_INTERVAL: "86400",
    HTTP_LISTEN: address,
    ADMIN_TOKEN: TOKEN,
  }),
);

await publish(0, SERIES);
await until(async () => await metric("events_received_total") >= SERIES, "all series", TIMEOUT_MS, [handler]);
await pause(SETTLING_MS);
const open = await metric("open_series");

const restSeconds = (SCRAPES * SCRAPE_EVERY_MS) / 1000;
const idle = await usedDuring(() => pause(restSeconds * 1000));
const atRest: number[] = [];
const scraped = await usedDuring(async () => void atRest.push(...await scrapeOften()));

const over = new AbortController();
const publishing = publishEvenly(over.signal);
await pause(SETTLING_MS);
const underLoad = await scrapeOften();
over.abort();
await publishing;
const without: number[] = [];
const withScrapes: number[] = [];
let scrapesInTurns = 0;
for (let turn = 0; turn < TURNS; turn++) {
  without.push(await secondsOfTurn(false));
  withScrapes.push(await secondsOfTurn(true));
}
const whileClosing = await scrapeWhileClosing();
await handler.stop();

const perScrape = (scraped - idle) / SCRAPES;
const share = perScrape / USUAL_INTERVAL_SECONDS;
console.log(`${open.toLocaleString("en")} open series, ${SCRAPES} scrapes, one each ${SCRAPE_EVERY_MS} ms

| | p50 | p99 | longest |
|---|---:|---:|---:|
| at rest | ${row(atRest)} |
| ${EVENTS_PER_SECOND.toLocaleString("en")} events/s | ${row(underLoad)} |
| the window closes (${whileClosing.length} scrapes) | ${row(whileClosing)} |

Processor seconds for ${EVENTS_A_TURN.toLocaleString("en")} events, in turns without and with ${
  (scrapesInTurns / TURNS).toFixed(0)
} scrapes: ${seconds(without)}; ${seconds(withScrapes)}.
By the medians a scrape for each second of processor time costs ${
  (100 * (median(withScrapes) - median(without)) * TURNS / scrapesInTurns).toFixed(2)
} % of throughput.

A scrape takes ${(perScrape * 1000).toFixed(1)} ms of processor time: ${
  (share * 100).toFixed(3)
} % of a core with a scrape each ${USUAL_INTERVAL_SECONDS} s, ${
  (perScrape * 100).toFixed(2)
} % with one a second.`);

/** Publishes an event of each of the series from one number to another. */
async function publish(from: number, to: number): Promise<void> {
  const timestamp = Date.now() / 1000;
  await bus.publish(
    Array.from(
      { length: to - from },
      (_, i) => `{"name":"plant.sensor${(from + i) % SERIES}","value":1,"timestamp":${timestamp}}`,
    ),
  );
}

/** Processor time for reading a backlog. @param isScraped Whether it is scraped meanwhile. */
async function secondsOfTurn(isScraped: boolean): Promise<number> {
  await order("pause", { kind: "source", name: bus.url });
  for (let n = 0; n < EVENTS_A_TURN; n += SERIES) await publish(n, Math.min(n + SERIES, EVENTS_A_TURN));
  const goal = await received() + EVENTS_A_TURN;
  const startedSeconds = cpuSeconds(handler.pid);
  await order("resume", { kind: "source", name: bus.url });
  let scrapedSeconds = startedSeconds;
  while (await received() < goal) {
    if (isScraped && cpuSeconds(handler.pid) - scrapedSeconds >= 1 / SCRAPES_A_CPU_SECOND) {
      scrapedSeconds = cpuSeconds(handler.pid);
      await scrape();
      scrapesInTurns++;
    }
    await pause(POLL_MS);
  }
  return cpuSeconds(handler.pid) - startedSeconds;
}

/** How long scrapes took from the order to flush until all aggregates were delivered, ms. */
async function scrapeWhileClosing(): Promise<number[]> {
  const tookMs: number[] = [];
  const before = await metric("aggregates_delivered_total");
  const flushed = order("flush", {});
  while (await metric("aggregates_delivered_total") < before + SERIES) tookMs.push(await scrape());
  await flushed;
  return tookMs;
}

async function order(action: string, body: object): Promise<void> {
  const reply = await fetch(`http://${address}/api/${action}`, {
    method: "POST",
    headers: { "authorization": `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Error(`${action}: ${reply.status} ${await reply.text()}`);
  await reply.body?.cancel();
}

/** Events received since the start, by a reply that costs little. */
async function received(): Promise<number> {
  const reply = await fetch(`http://${address}/api/pipeline`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  return Number(/"received_total":(\d+)/.exec(await reply.text())![1]);
}

async function publishEvenly(signal: AbortSignal): Promise<void> {
  const size = EVENTS_PER_SECOND / PUBLISHES_PER_SECOND;
  const startedMs = performance.now();
  for (let n = 0; !signal.aborted; n++) {
    await publish(n * size, (n + 1) * size);
    await pause(Math.max(0, startedMs + ((n + 1) * 1000) / PUBLISHES_PER_SECOND - performance.now()));
  }
}

/** How long each scrape took, ms. */
async function scrapeOften(): Promise<number[]> {
  const tookMs: number[] = [];
  for (let n = 0; n < SCRAPES; n++) {
    const startedMs = performance.now();
    tookMs.push(await scrape());
    await pause(Math.max(0, SCRAPE_EVERY_MS - (performance.now() - startedMs)));
  }
  return tookMs;
}

/** Scrapes once. Returns how long it took, ms. */
async function scrape(): Promise<number> {
  const startedMs = performance.now();
  const reply = await fetch(`http://${address}/metrics`, {
    headers: {
      accept: "application/openmetrics-text;version=1.0.0",
      authorization: `Bearer ${TOKEN}`,
    },
  });
  await reply.text();
  return performance.now() - startedMs;
}

/** Processor time of the handler meanwhile, seconds. */
async function usedDuring(work: () => Promise<void>): Promise<number> {
  const before = cpuSeconds(handler.pid);
  await work();
  return cpuSeconds(handler.pid) - before;
}

async function metric(name: string): Promise<number> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const page = await (await fetch(`http://${address}/metrics`, { headers })).text();
  return Number(new RegExp(`^vabus_handler_${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(page)?.[1] ?? 0);
}

function seconds(all: readonly number[]): string {
  return all.map((one) => one.toFixed(2)).join(", ");
}

function median(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;
}

function row(tookMs: readonly number[]): string {
  const sorted = tookMs.toSorted((a, b) => a - b);
  return [0.5, 0.99, 1].map((q) => `${sorted[Math.max(Math.ceil(q * sorted.length) - 1, 0)]!.toFixed(1)} ms`)
    .join(" | ");
}
