/**
 * A simple script as one would write it by hand: reads events line by line and aggregates them by name,
 * function and minute. It checks nothing, stores nothing and loses everything when it ends. Prints its cost.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import process from "node:process";

const WINDOW_SECONDS = 60;
const started = process.cpuUsage();
const series = new Map();
let events = 0;

const lines = createInterface({ input: createReadStream(process.argv[2]), crlfDelay: Infinity });
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
  const { user, system } = process.cpuUsage(started);
  const { maxRSS } = process.resourceUsage();
  console.log(JSON.stringify({
    events,
    aggregates: series.size,
    cpuSeconds: (user + system) / 1e6,
    peakBytes: maxRSS * 1024,
  }));
});
