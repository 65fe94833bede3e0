/**
 * Measures the cost of making events of records, and of aggregating them as well, in CPU-seconds for a
 * million of them. Each figure is the median of rounds, in which all ways take turns.
 *
 *   scripts/deno.sh run -A bench/codec.ts [ROUNDS]
 */
import process from "node:process";
import { EventAggregator } from "../src/aggregation/event_aggregator.ts";
import { FunctionRules } from "../src/aggregation/function_rules.ts";
import type { MappedRecords } from "../src/codec/mapping/element_reader.ts";
import { readerFor } from "../src/codec/mapping/record_reader.ts";
import type { MappingTexts } from "../src/codec/mapping/event_mapping.ts";
import { scanReply } from "../src/codec/reply_scanner.ts";
import { EventBatch } from "../src/event/event_batch.ts";

const EVENTS = 10_000;
const REPLIES = 20;
const NAMES = 1000;
const BASE = 1_790_000_000;

interface Way {
  readonly name: string;
  readonly texts: MappingTexts;
  readonly record: (i: number) => string;
  /** Whether its events have labels, so that it is compared with events of the protocol that have. */
  readonly hasLabels?: boolean;
  /** Events in a record, where it is not one. */
  readonly events?: number;
  /** A header over records that are lines of one record; undefined: they are the values of a reply. */
  readonly header?: string;
}

const machine = (i: number) => `plant.line${i % 10}.sensor${i % NAMES}`;
const value = (i: number) => (i * 37 % 1013) / 8;
const WAYS: readonly Way[] = [
  {
    name: "protocol v1, not mapped",
    texts: {},
    record: (i) =>
      `{"name":"${machine(i)}.temperature","value":${value(i)},"timestamp":${BASE + i / EVENTS}}`,
  },
  {
    name: "protocol v1, with two labels",
    texts: {},
    hasLabels: true,
    record: (i) =>
      `{"name":"${machine(i)}.temperature","value":${value(i)},"timestamp":${
        BASE + i / EVENTS
      },"labels":{"site":"north","unit":"C"}}`,
  },
  {
    name: "json, the same shape",
    texts: { format: "json" },
    record: (i) =>
      `{"name":"${machine(i)}.temperature","value":${value(i)},"timestamp":${BASE + i / EVENTS}}`,
  },
  {
    name: "json, nested",
    texts: { name: "{/machine}.{/meta/kind}", value: "/reading", timestamp: "/ts", timeUnit: "ms" },
    record: (i) =>
      `{"machine":"${machine(i)}","meta":{"kind":"temperature","unit":"C"},"reading":${value(i)},"ts":${
        BASE * 1000 + i
      }}`,
  },
  {
    name: "json, nested, with two labels",
    texts: {
      name: "{/machine}.{/meta/kind}",
      value: "/reading",
      timestamp: "/ts",
      timeUnit: "ms",
      labels: "unit:/meta/unit,site:/meta/site",
    },
    hasLabels: true,
    record: (i) =>
      `{"machine":"${machine(i)}","meta":{"kind":"temperature","unit":"C","site":"north"},"reading":${
        value(i)
      },"ts":${BASE * 1000 + i}}`,
  },
  {
    name: "value, under one name",
    texts: { format: "value", name: "plant.temperature" },
    record: (i) => JSON.stringify(`${value(i)}`),
  },
  {
    name: "influx",
    texts: { format: "influx" },
    hasLabels: true,
    record: (i) =>
      JSON.stringify(`${machine(i)},site=north temperature=${value(i)} ${BASE * 1000 + i}000000`),
  },
  {
    name: "influx, as lines",
    texts: { format: "influx" },
    hasLabels: true,
    record: (i) => `${machine(i)},site=north temperature=${value(i)} ${BASE * 1000 + i}000000`,
    header: "",
  },
  {
    name: "influx, as lines of eight fields",
    texts: { format: "influx" },
    hasLabels: true,
    record: (i) =>
      `${machine(i)},site=north,unit=C ${
        Array.from({ length: 8 }, (_, field) => `field${field}=${value(i + field)}`).join(",")
      } ${BASE * 1000 + i}000000`,
    events: 8,
    header: "",
  },
  {
    name: "csv, with two labels",
    texts: {
      format: "csv",
      name: "{/machine}.{/kind}",
      timestamp: "/ts",
      timeUnit: "ms",
      labels: "unit:/unit,site:/site",
    },
    hasLabels: true,
    record: (i) => `${machine(i)},temperature,${value(i)},${BASE * 1000 + i},C,north`,
    header: "machine,kind,value,ts,unit,site\n",
  },
];

const encoder = new TextEncoder();
const aggregators = WAYS.map(() => {
  const aggregator = new EventAggregator({
    sourceCount: 1,
    tiers: [{ lengthMs: 60_000, hopMs: 60_000 }],
    allowedLatenessMs: 5000,
    correctionHorizonMs: 86_400_000,
    maxFutureSkewMs: 300_000,
    maxSeries: 1_000_000,
    functions: FunctionRules.default,
    dedupMaxIds: 0,
    hashKey: [1, 2],
  });
  aggregator.addPartition(0, -Infinity);
  return aggregator;
});
const bodies = WAYS.map(({ record, events = 1, header }) => {
  const records = Array.from({ length: EVENTS / events }, (_, i) => record(i));
  return encoder.encode(
    header === undefined
      ? `{"log":"L","offset":0,"next":${EVENTS},"events":[${records.join(",")}]}`
      : header + records.join("\n"),
  );
});
// As in a run, whose readers know the series after the first records.
const readers = WAYS.map(({ texts }) => readerFor(texts));
const seconds: { decoding: number[]; all: number[] }[] = WAYS.map(() => ({ decoding: [], all: [] }));
const batch = new EventBatch();
const rounds = Number(Deno.args[0] ?? 15);
for (let round = -2; round < rounds; round++) {
  for (const [way, { header }] of WAYS.entries()) {
    const reader = readers[way];
    const mapped = reader && { reader, context: { arrivedMs: BASE * 1000 } };
    let decoding = 0;
    const started = cpuSeconds();
    for (let reply = 0; reply < REPLIES; reply++) {
      const before = cpuSeconds();
      if (header === undefined) scanReply(bodies[way]!, batch, EVENTS, mapped);
      else readWhole(mapped!, bodies[way]!);
      decoding += cpuSeconds() - before;
      if (batch.count !== EVENTS) throw new Error(`${WAYS[way]!.name}: ${batch.invalid[0]?.detail}`);
      aggregators[way]!.aggregate(0, batch, (BASE + 60) * 1000, () => {});
    }
    if (round < 0) continue;
    seconds[way]!.decoding.push(decoding);
    seconds[way]!.all.push(cpuSeconds() - started);
  }
}
const perMillion = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1]! / (EVENTS * REPLIES) * 1e6;
const [unlabelled, labelled] = seconds;
for (const [way, { decoding, all }] of seconds.entries()) {
  const base = WAYS[way]!.hasLabels ? labelled! : unlabelled!;
  const share = (values: number[], of: number[]) => `${(perMillion(values) / perMillion(of)).toFixed(2)} ×`;
  console.log(
    `${WAYS[way]!.name.padEnd(32)} decoding ${perMillion(decoding).toFixed(3)} s, ${
      share(decoding, base.decoding)
    }; ` +
      `with aggregating ${perMillion(all).toFixed(3)} s, ${share(all, base.all)}; ` +
      `${(bodies[way]!.length / EVENTS).toFixed(0)} bytes an event, ${
        (perMillion(decoding) * 1e3 / (bodies[way]!.length / EVENTS)).toFixed(2)
      } ns a byte`,
  );
}

/** Reads a body as one record. */
function readWhole({ reader, context }: MappedRecords, body: Uint8Array): void {
  batch.reset(body);
  reader.begin(batch);
  reader.read(batch, 0, body.length, context);
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
