import assert from "node:assert/strict";
import { readStatus } from "../../src/control/status.ts";
import type { Sink } from "../../src/contract/sink.ts";
import { SeriesTroubles } from "../../src/ingest/series_troubles.ts";
import { Router } from "../../src/delivery/router.ts";
import { Lookout } from "../../src/runtime/lookout.ts";
import { MetricCollector } from "../../src/runtime/metric_collector.ts";
import type { Overview } from "../../src/runtime/overview.ts";
import { raiseAlarm } from "../../src/state/alarms.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import { noteOutages } from "../../src/state/outages.ts";
import { deliveryTo, HastyClock } from "../delivery/delivery_rig.ts";
import { MemoryOutbox } from "../delivery/memory_outbox.ts";
import { MemorySource, openRig } from "../ingest/rig.ts";

const NOW_MS = 1_000_000;

/** What both ways to look have in common. */
function common({ sinks, buses, ...overview }: Overview) {
  const names = [
    "nowMs",
    "instance",
    "stateId",
    "stateFile",
    "checkpointMs",
    "watermarkMs",
    "counts",
    "openWindows",
    "openSeries",
    "outboxEndId",
    "outboxRows",
    "outages",
    "alarms",
    "refusalAlarms",
  ] as const;
  return {
    ...Object.fromEntries(names.map((name) => [name, overview[name]])),
    sinks: sinks.map(({ name, cursor }) => ({ name, cursor })),
    buses: buses.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition, log, position, nextOffset, newestEventMs }) => ({
        partition,
        log,
        position,
        nextOffset,
        newestEventMs,
      })),
    })),
  };
}

Deno.test("right after a checkpoint a handler looks the same from within and from its state", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const source = new MemorySource();
    const at = (timestamp: number, value: unknown = 1) => ({ name: "a", value, timestamp });
    source.publish(at(900), at(995), at(905), at(996, "no number"), at(9000));
    using rig = openRig(directory, [source], NOW_MS);
    const { core } = rig;
    const sink: Sink = {
      id: "sqlite",
      repeat: "upsert",
      open: () => Promise.resolve(0),
      write: () => Promise.resolve(),
      probe: () => Promise.resolve(""),
      close: () => Promise.resolve(),
    };
    const delivery = deliveryTo(sink, new MemoryOutbox([]), new HastyClock());
    const lookout = new Lookout(core, new Router([delivery]), new MetricCollector(), rig.clock, {
      config: () => ({ outboxMaxRows: 10, certificates: [], maxFutureSkewMs: 1000 }),
      machine: undefined,
      pauses: () => [],
      troubles: new SeriesTroubles(),
    });
    await rig.readers[0]!.drain(new AbortController().signal);
    raiseAlarm(core.state, "sqlite", { kind: "rows_missing", detail: "gone", count: 1 }, NOW_MS);
    const failing = new Map([["bus http://bus", { detail: "no connection", sinceMs: NOW_MS - 1 }]]);
    noteOutages(core.state, failing, new Set(), NOW_MS);
    core.ingest.checkpointNow();
    assert.deepEqual(common(lookout.look()), common(readStatus(core.state, rig.clock.ms)));
    const seen = lookout.look();
    const { counts, activity } = seen;
    assert.deepEqual([counts.received, counts.aggregated, counts.invalid, counts.future], [5, 3, 1, 1]);
    assert.deepEqual(activity.counts, counts, "all of it was done by this process");
    core.state.all = core.state.get = () => {
      throw new StateError("unwritable", "disk I/O error");
    };
    const { alarms, checkpointMs, ...blind } = lookout.look();
    assert.deepEqual([alarms, checkpointMs], [[], undefined], "what cannot be read is left out");
    assert.deepEqual([blind.stateId, blind.counts], [seen.stateId, counts]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
