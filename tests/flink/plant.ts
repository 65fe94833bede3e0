import { randomNumbers } from "../support/event_stream.ts";

export interface FlinkPlant {
  readonly seed: number;
  readonly eventCount: number;
  readonly nameCount: number;
  /** Of the first window; a multiple of the longest window. */
  readonly baseMs: number;
  readonly spanMs: number;
  readonly partitions: number;
}

/** A record of a topic. */
export interface PlantRecord {
  readonly key: string;
  readonly value: string;
  readonly partition: number;
}

/** How far behind its neighbours an event may be. It is less than the lateness, so none is late. */
const DISORDER_MS = 4_500;
export const PLANT_SETTINGS = {
  AGGREGATION_INTERVAL: "10,60/20,100",
  ALLOWED_LATENESS: "5",
  // A slow machine must not make a partition idle.
  IDLE_TIMEOUT: "0",
  AGG_FUNCTIONS: "*.several=avg,min,max,p95;*.first=first;*.last=last;*.spread=stddev;*.count=count;" +
    "debug.*=none;*.mean=avg;*=sum",
} as const;
const KINDS = ["several", "first", "last", "spread", "count", "mean", "total", "named"];
const NAMED = ["p50", "p99", "min", "max", "sum"];
/** A name with few events, most of which a rule drops. */
const NOISE = "debug.noise";
/** Events of a name from which on neighbouring values are close. */
const MANY = 1000;
/** Every so many events one has an id, and every so many of these comes twice. */
const [ID_EVERY, REPEAT_EVERY] = [50, 4];

/**
 * A plant's records: all functions, by rule and by name; labels in any order; events out of order, invalid,
 * dropped and repeated ones.
 */
export function* plantRecords(plant: FlinkPlant): Generator<PlantRecord> {
  const { seed, eventCount, nameCount, baseMs, spanMs, partitions } = plant;
  const random = randomNumbers(seed);
  // With few values in a window, those of a percentile's two definitions are far apart.
  const spreadOf = (name: string) => name === NOISE || eventCount / nameCount < MANY ? 1 : 10;
  for (let i = 0; i < eventCount; i++) {
    const series = Math.floor(random() * nameCount);
    const kind = KINDS[series % KINDS.length]!;
    const name = i % 997 === 0 ? NOISE : `plant.${series}.${kind}`;
    const atMs = baseMs + (i / eventCount) * spanMs - random() * DISORDER_MS;
    const line = `${series % 7}`;
    const event = {
      name,
      value: i % 1999 === 0 ? "open" : 100 + random() * spreadOf(name),
      timestamp: Math.max(baseMs, atMs) / 1000,
      ...(kind === "named" && { agg_func: NAMED[series % NAMED.length] }),
      ...(i % ID_EVERY === 0 && { id: `id-${i}` }),
      ...(series % 3 !== 0 && { labels: i % 2 === 0 ? { site: "north", line } : { line, site: "north" } }),
    };
    const record = { key: name, value: JSON.stringify(event), partition: series % partitions };
    yield record;
    if (i % (ID_EVERY * REPEAT_EVERY) === 0) yield record;
  }
}

/** One event a partition, so late that all windows before it close. */
export function closingRecords({ baseMs, spanMs, partitions }: FlinkPlant): PlantRecord[] {
  return Array.from({ length: partitions }, (_, partition) => {
    const event = { name: CLOSING, value: 1, timestamp: (baseMs + spanMs + 300_000) / 1000 };
    return { key: CLOSING, value: JSON.stringify(event), partition };
  });
}

export const CLOSING = "closing";
