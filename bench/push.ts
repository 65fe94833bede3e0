/**
 * How long requests to `listen://` wait for their answer, which comes once their lines are on disk.
 *
 *   scripts/deno.sh run -A bench/push.ts [--requests-per-second 1000] [--lines 10] [--seconds 20]
 *
 * Requests come at a steady rate, whether earlier ones have been answered or not, so a slow answer is not
 * hidden by fewer requests. The time counts from the moment at which a request was due.
 */
import { parseArgs } from "node:util";
import { pause, Program, temporaryDirectory, until } from "../tests/support/executable.ts";
import { freePort } from "../tests/support/free_port.ts";
import { handlerEnvironment } from "../tests/e2e/plant.ts";

const WARM_UP_SECONDS = 5;
const NAMES = 100;

const { values } = parseArgs({
  options: {
    "requests-per-second": { type: "string", default: "1000" },
    lines: { type: "string", default: "10" },
    seconds: { type: "string", default: "20" },
  },
});
const [rate, lines, seconds] = [values["requests-per-second"], values.lines, values.seconds].map(Number) as [
  number,
  number,
  number,
];

await using directory = await temporaryDirectory();
const address = `127.0.0.1:${freePort()}`;
await using handler = Program.start(
  ["run"],
  handlerEnvironment(`listen://${address}`, directory.path, { AGGREGATION_INTERVAL: "10" }),
);
await until(async () => (await fetch(`http://${address}/ping`)).ok, "the listener", undefined, [handler]);
await send(WARM_UP_SECONDS);
const waitsMs = (await send(seconds)).sort((a, b) => a - b);
const at = (share: number) => waitsMs[Math.min(waitsMs.length - 1, Math.floor(share * waitsMs.length))]!;
console.log(
  `${waitsMs.length} requests of ${lines} lines, ${rate} a second: ` +
    `p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, longest ${at(1).toFixed(1)} ms`,
);
await handler.stop();

/** Sends for so many seconds. Returns how long each answer took, ms. */
async function send(forSeconds: number): Promise<number[]> {
  const waits: Promise<number>[] = [];
  const startedMs = performance.now();
  while (waits.length < rate * forSeconds) {
    const dueMs = startedMs + waits.length / rate * 1000;
    if (dueMs > performance.now()) await pause(dueMs - performance.now());
    waits.push(answered(dueMs, waits.length));
  }
  return await Promise.all(waits);
}

async function answered(dueMs: number, number: number): Promise<number> {
  const body = Array.from(
    { length: lines },
    (_, i) => `press,site=north,line=${(number + i) % NAMES} temperature=${20 + i / 10}`,
  ).join("\n");
  const reply = await fetch(`http://${address}/write`, { method: "POST", body });
  await reply.body?.cancel();
  if (reply.status !== 204) throw new Error(`/write answered ${reply.status}`);
  return performance.now() - dueMs;
}
