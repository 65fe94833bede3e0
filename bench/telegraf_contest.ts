/** What the handler and Telegraf are compared by: the same events, and the same aggregates of them. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { handlerEnvironment, sqlitePath } from "../tests/e2e/plant.ts";
import { executablePath } from "../tests/support/executable.ts";
import { randomNumbers } from "../tests/support/event_stream.ts";
import { MeasuredProcess, type Usage } from "./measured_process.ts";

export const SERIES = 1000;
const WINDOW_S = 60;
const SEED = 116;
/** What Telegraf's aggregates look like. */
const COUNT_IN_LINE = /_count=(\d+)/;

export type Format = "json" | "influx";

/** A way in which events come to both. */
export interface Way {
  readonly name: string;
  handler(directory: string): Promise<Usage>;
  /** Undefined: Telegraf has no input for it. */
  readonly telegraf?: (directory: string) => Promise<Usage>;
}

/** The events, all of the last whole minute. Telegraf's windows go by its own clock, so it has one or two. */
export function* events(count: number, format: Format): Generator<string> {
  const random = randomNumbers(SEED);
  const startMs = (Math.floor(Date.now() / 1000 / WINDOW_S) - 1) * WINDOW_S * 1000;
  for (let i = 0; i < count; i++) {
    const sensor = Math.floor(random() * SERIES);
    const value = (random() * 100).toFixed(3);
    const timeMs = startMs + Math.floor(i / count * WINDOW_S * 1000);
    yield format === "json"
      ? `{"name":"plant.line${sensor % 20}.sensor${sensor}.temperature","value":${value},"timestamp":${
        timeMs / 1000
      }}`
      : `plant,line=${sensor % 20},sensor=${sensor} temperature=${value} ${timeMs}000000`;
  }
}

export function* groups(texts: Iterable<string>, size: number): Generator<string[]> {
  let group: string[] = [];
  for (const text of texts) {
    group.push(text);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

function telegrafConfig(input: string, output: string): string {
  return `[agent]
  omit_hostname = true
  metric_buffer_limit = 1000000
  round_interval = false
${input}
[[aggregators.basicstats]]
  period = "${WINDOW_S}s"
  grace = "24h"
  drop_original = true
  stats = ["count", "mean", "min", "max"]
[[outputs.file]]
  files = ["${output}"]
  data_format = "influx"
`;
}

export async function startTelegraf(
  program: string,
  directory: string,
  input: string,
): Promise<MeasuredProcess> {
  const config = `${directory}/telegraf.conf`;
  await Deno.writeTextFile(config, telegrafConfig(input, `${directory}/out`));
  return MeasuredProcess.start(program, ["--config", config, "--quiet"]);
}

/**
 * Stops a Telegraf that has read everything. A server may send again what it has not acknowledged: it counts
 * that once more.
 *
 * @throws where its output does not stand for all events.
 */
export async function endTelegraf(
  telegraf: MeasuredProcess,
  directory: string,
  events: number,
): Promise<Usage> {
  telegraf.stop();
  const usage = await telegraf.ended();
  const lines = (await Deno.readTextFile(`${directory}/out`)).split("\n");
  const found = lines.reduce((sum, line) => sum + Number(COUNT_IN_LINE.exec(line)?.[1] ?? 0), 0);
  assert.ok(found >= events, `${found} of ${events}`);
  if (found > events) console.error(`Telegraf has counted ${found - events} twice`);
  return usage;
}

export function startHandler(
  command: string[],
  url: string,
  directory: string,
  format: Format,
): MeasuredProcess {
  return MeasuredProcess.start(executablePath(), command, {
    // The executable unpacks itself once for a home.
    HOME: Deno.env.get("HOME") ?? directory,
    ...handlerEnvironment(url, directory, {
      STORAGE_TYPE: "sqlite",
      AGGREGATION_INTERVAL: `${WINDOW_S}`,
      AGG_FUNCTIONS: "*=avg,min,max",
      ...(format === "influx" ? { EVENT_FORMAT: "influx" } : {}),
    }),
  });
}

/** How many events the handler's table stands for. */
export function eventsInTable(directory: string): number {
  try {
    using database = new DatabaseSync(sqlitePath(directory), { readOnly: true, timeout: 10_000 });
    const row = database.prepare("SELECT sum(count) AS events FROM aggregated_events WHERE agg_func = 'avg'")
      .get();
    return Number(row!.events);
  } catch {
    // The table is not there yet.
    return 0;
  }
}

/** Runs the handler on what there is. */
export async function handlerOnce(
  url: string,
  directory: string,
  format: Format,
  events: number,
): Promise<Usage> {
  await using handler = startHandler(["once", "--flush"], url, directory, format);
  const usage = await handler.ended();
  assert.equal(eventsInTable(directory), events);
  return usage;
}

/** The settings of an input of Telegraf for JSON or line protocol. */
export function parserOf(format: Format): string {
  return format === "influx" ? `data_format = "influx"` : `data_format = "json"
  json_name_key = "name"
  json_time_key = "timestamp"
  json_time_format = "unix"`;
}
