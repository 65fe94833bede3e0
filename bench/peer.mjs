/**
 * A simple script as one would write it by hand: reads events line by line, aggregates them by name,
 * function and minute, and writes the aggregates as JSON lines at the end. It checks nothing, and loses
 * everything when it is killed. Prints its cost.
 *
 *   node bench/peer.mjs EVENTS AGGREGATES    two paths
 */
import { createReadStream, openSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import process from "node:process";

const WINDOW_SECONDS = 60;
const CHUNK_CHARACTERS = 65_536;
const [eventsPath, aggregatesPath] = process.argv.slice(2);
const started = process.cpuUsage();
const series = new Map();
let events = 0;

const lines = createInterface({ input: createReadStream(eventsPath), crlfDelay: Infinity });
lines.on("line", (line) => {
  const { name, value, timestamp, agg_func } = JSON.parse(line);
  const key = `${name}|${agg_func}|${Math.floor(timestamp / WINDOW_SECONDS)}`;
  let aggregate = series.get(key);
  if (aggregate === undefined) {
    series.set(key, aggregate = { count: 0, sum: 0, min: Infinity, max: -Infinity });
  }
  aggregate.count++;
  switch (agg_func) {
    case "sum":
    case "avg":
      aggregate.sum += value;
      break;
    case "min":
      if (value < aggregate.min) aggregate.min = value;
      break;
    case "max":
      if (value > aggregate.max) aggregate.max = value;
      break;
  }
  events++;
});
lines.on("close", () => {
  writeAggregates();
  const { user, system } = process.cpuUsage(started);
  const { maxRSS } = process.resourceUsage();
  console.log(JSON.stringify({
    events,
    aggregates: series.size,
    cpuSeconds: (user + system) / 1e6,
    peakBytes: maxRSS * 1024,
  }));
});

function writeAggregates() {
  const file = openSync(aggregatesPath, "w");
  let text = "";
  for (const [key, { count, sum, min, max }] of series) {
    const [name, agg_func, minute] = key.split("|");
    const value = { sum, avg: sum / count, min, max }[agg_func];
    text += JSON.stringify({ name, agg_func, value, timestamp: minute * WINDOW_SECONDS, count }) + "\n";
    if (text.length < CHUNK_CHARACTERS) continue;
    writeSync(file, text);
    text = "";
  }
  writeSync(file, text);
}
