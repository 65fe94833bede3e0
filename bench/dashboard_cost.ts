/**
 * What an open page of the dashboard costs the handler.
 *
 *   scripts/deno.sh run -A bench/dashboard_cost.ts --series 100000 --seconds 20 --turns 3
 *
 * First each question of the page is asked again and again, while no events come: so the processor time is
 * the question's alone. Then events of all series come at an even pace, and in turns nobody looks, and a page
 * in Chromium shows one view after another; a page in the background is one that its browser hides. What a
 * second of looking takes of a core, a handler at full speed lacks for events.
 */
import { parseArgs } from "node:util";
import { siteWithSeries } from "../tests/dashboard/browser/many_series.ts";
import { pause } from "../tests/support/executable.ts";
import { TestBrowser } from "../tests/support/browser.ts";
import { cpuSeconds } from "./process_usage.ts";

const { values: options } = parseArgs({
  options: {
    "series": { type: "string", default: "1000" },
    "events-per-second": { type: "string", default: "10000" },
    "seconds": { type: "string", default: "20" },
    "turns": { type: "string", default: "3" },
  },
});
const SERIES = Number(options.series);
const EVENTS_PER_SECOND = Number(options["events-per-second"]);
const SECONDS = Number(options.seconds);
const TURNS = Number(options.turns);
const PUBLISHES_PER_SECOND = 5;
const SETTLING_MS = 3000;

const ASKED_TIMES = 20;
const CHART = `name=plant.sensor4&func=sum&tier=3600&revisions=all&limit=2000&from=${sinceYesterday()}`;
/** Questions of the page, and the seconds between two of them; undefined: its user asks. */
const QUESTIONS: Readonly<Record<string, number | undefined>> = {
  "pipeline": 1,
  "status": 1,
  "windows": 3,
  "history?span=hour": 10,
  [`aggregates?${CHART}`]: 10,
  "series?limit=50": undefined,
  "series?limit=1000": undefined,
  "series?q=sensor9999&limit=50": undefined,
};

/** What is open, by what it is called. */
const WAYS: Readonly<Record<string, string | undefined>> = {
  "no page": undefined,
  "background": "#/windows",
  "overview": "#/",
  "history": "#/history",
  "windows": "#/windows",
  "series with a chart": "#/series?name=plant.sensor4&func=sum&tier=3600&span=86400",
  "books": "#/books",
};

await using site = await siteWithSeries(SERIES, SERIES);
await pause(SETTLING_MS);
console.log(`${SERIES.toLocaleString("en")} series\n
| question | processor time | each | share of a core |
| --- | ---: | ---: | ---: |`);
for (const [question, everySeconds] of Object.entries(QUESTIONS)) {
  const usedSeconds = await costOfQuestion(question);
  const pace = everySeconds === undefined
    ? "– | –"
    : `${everySeconds} s | ${percent(usedSeconds / everySeconds)}`;
  console.log(`| ${question} | ${(1000 * usedSeconds).toFixed(1)} ms | ${pace} |`);
}

await using browser = await TestBrowser.start(0);
const over = new AbortController();
const publishing = publishEvenly(over.signal);
const used = new Map<string, number[]>(Object.keys(WAYS).map((way) => [way, []]));
for (let turn = 0; turn < TURNS; turn++) {
  for (const [way, address] of Object.entries(WAYS)) used.get(way)!.push(await costOf(way, address));
}
over.abort();
await publishing;

const none = median(used.get("no page")!);
console.log(`\n${EVENTS_PER_SECOND.toLocaleString("en")} events a second\n
| open | processor time a second, each turn | more than without |
| --- | --- | ---: |`);
for (const [way, shares] of used) {
  console.log(`| ${way} | ${shares.map(percent).join(", ")} | ${percent(median(shares) - none)} |`);
}

/** Processor time of the handler for a question, seconds. */
async function costOfQuestion(question: string): Promise<number> {
  const before = cpuSeconds(site.handler.pid);
  for (let time = 0; time < ASKED_TIMES; time++) {
    const reply = await fetch(`${site.url}/api/${question}`);
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${question}: ${reply.status} ${text}`);
  }
  return (cpuSeconds(site.handler.pid) - before) / ASKED_TIMES;
}

function sinceYesterday(): number {
  return Math.floor(Date.now() / 1000) - 86_400;
}

/** Processor time of the handler, seconds a second. */
async function costOf(way: string, address: string | undefined): Promise<number> {
  if (address === undefined) return await measured();
  await using opened = await browser.open();
  if (way === "background") {
    await opened.page.addInitScript('Object.defineProperty(document, "hidden", { value: true })');
  }
  await opened.page.goto(`${site.url}/${address}`);
  return await measured();
}

async function measured(): Promise<number> {
  await pause(SETTLING_MS);
  const [beforeSeconds, beganMs] = [cpuSeconds(site.handler.pid), performance.now()];
  await pause(SECONDS * 1000);
  return (cpuSeconds(site.handler.pid) - beforeSeconds) / ((performance.now() - beganMs) / 1000);
}

async function publishEvenly(signal: AbortSignal): Promise<void> {
  const size = EVENTS_PER_SECOND / PUBLISHES_PER_SECOND;
  const beganMs = performance.now();
  for (let n = 0; !signal.aborted; n++) {
    const timestamp = Date.now() / 1000;
    await site.bus.publish(Array.from({ length: size }, (_, i) => {
      const series = (n * size + i) % SERIES;
      const labels = `{"line":"${series % 10}","plant":"${series % 7}"}`;
      return `{"name":"plant.sensor${series}","value":1,"timestamp":${timestamp},"labels":${labels}}`;
    }));
    await pause(Math.max(0, beganMs + (n + 1) * 1000 / PUBLISHES_PER_SECOND - performance.now()));
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function median(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;
}
