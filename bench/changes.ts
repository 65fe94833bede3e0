/**
 * What orders cost a running handler whose state is large: after what time each is answered and has taken
 * effect, the handler's processor time until then, and how long a scrape of `/metrics` waits at most.
 *
 *   scripts/deno.sh run -A bench/changes.ts --series 100000 --dead-letters 50000
 */
import { parseArgs } from "node:util";
import { BusProgram, handlerEnvironment } from "../tests/e2e/plant.ts";
import { Program, temporaryDirectory, until } from "../tests/support/executable.ts";
import { freePort } from "../tests/support/free_port.ts";
import { cpuSeconds } from "./process_usage.ts";

const { values: options } = parseArgs({
  options: {
    series: { type: "string", default: "100000" },
    "dead-letters": { type: "string", default: "50000" },
  },
});
const SERIES = Number(options.series);
const INVALID_EVENTS = Number(options["dead-letters"]);
const TOKEN = "admin-of-the-benchmark";
const HEADERS = { "authorization": `Bearer ${TOKEN}`, "content-type": "application/json" };
const TIMEOUT_MS = 300_000;

await using directory = await temporaryDirectory();
await using bus = await BusProgram.start();
const admin = `http://127.0.0.1:${freePort()}`;
await using handler = Program.start(
  ["run"],
  handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "sqlite",
    AGGREGATION_INTERVAL: "60",
    HTTP_LISTEN: admin.slice("http://".length),
    ADMIN_TOKEN: TOKEN,
  }),
);
const timestamp = Math.floor(Date.now() / 60_000) * 60 - 1200;
await bus.publish(numbered(SERIES, (i) => `{"name":"plant.sensor${i}","value":1,"timestamp":${timestamp}}`));
await bus.publish(
  numbered(INVALID_EVENTS, (i) => `{"name":"plant.door${i}","value":"open","timestamp":${timestamp}}`),
);
await until(
  async () => {
    const status = await ask("/api/status");
    const booked = (name: string) => Number(new RegExp(`"${name}":(\\d+)`).exec(status)![1]);
    return booked("received") === SERIES + INVALID_EVENTS && booked("closed") === booked("contributed");
  },
  "closed windows",
  TIMEOUT_MS,
  [handler],
);
await until(async () => await metric("sink_outbox_rows") === 0, "an empty outbox", TIMEOUT_MS, [handler]);

console.log(
  `${SERIES.toLocaleString("en")} aggregates, ${INVALID_EVENTS.toLocaleString("en")} dead letters\n`,
);
console.log(
  "| order | answered | done | processor time | longest scrape meanwhile |\n|---|---:|---:|---:|---:|",
);
const invalid = { reason: "invalid" };
// Events that are retried and refused again count again.
const refused = () => metric("events_refused_total");
const before = await refused();
await measure(
  "retry",
  "/api/dead-letters/retry",
  invalid,
  async () => await refused() >= before + INVALID_EVENTS,
);
await measure(
  "purge",
  "/api/dead-letters/purge",
  invalid,
  async () => await metric("dead_letters_bounded") === 0,
);
const span = { sink: "sqlite", since: timestamp };
await measure("redeliver", "/api/redeliver", span, async () => {
  return !(await ask("/api/jobs")).includes('"state":"running"');
});
await handler.stop();

/** Gives one order and scrapes until it has taken effect. */
async function measure(
  name: string,
  path: string,
  body: object,
  isDone: () => Promise<boolean>,
): Promise<void> {
  const [startedMs, usedBefore] = [performance.now(), cpuSeconds(handler.pid)];
  let answeredMs = 0;
  const ordered = fetch(admin + path, { method: "POST", headers: HEADERS, body: JSON.stringify(body) })
    .then(async (reply) => {
      const text = await reply.text();
      if (!reply.ok) throw new Error(`${name}: ${reply.status} ${text}`);
      answeredMs = performance.now() - startedMs;
    });
  let longestMs = 0;
  do {
    const askedMs = performance.now();
    await (await fetch(`${admin}/metrics`, { headers: HEADERS })).text();
    longestMs = Math.max(longestMs, performance.now() - askedMs);
  } while (answeredMs === 0 || !await isDone());
  await ordered;
  const doneMs = performance.now() - startedMs;
  const usedMs = (cpuSeconds(handler.pid) - usedBefore) * 1000;
  const cells = [answeredMs, doneMs, usedMs, longestMs].map((ms) => `${ms.toFixed(0)} ms`);
  console.log(`| ${name} | ${cells.join(" | ")} |`);
}

async function ask(path: string): Promise<string> {
  return await (await fetch(admin + path, { headers: HEADERS })).text();
}

/** The sum of a metric over its labels. */
async function metric(name: string): Promise<number> {
  const page = await (await fetch(`${admin}/metrics`, { headers: HEADERS })).text();
  const samples = page.matchAll(new RegExp(`^vabus_handler_${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"));
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
}

function numbered(count: number, text: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => text(i));
}
