/** OpenTelemetry's own SDK that exports to the listener. */
import assert from "node:assert/strict";
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { Rig } from "./rig.ts";

/** Longer than any test: only a flush exports. */
const NEVER_MS = 2 ** 31 - 1;

for (const [name, Exporter] of [["protobuf", ProtobufExporter], ["JSON", JsonExporter]] as const) {
  for (const temporality of ["DELTA", "CUMULATIVE"] as const) {
    Deno.test(`the OpenTelemetry SDK exports ${name}, ${temporality.toLowerCase()}`, async () => {
      await using rig = await Rig.start({ token: "secret" });
      const exporter = new Exporter({
        url: `${rig.server.url}/v1/metrics`,
        headers: { authorization: "Bearer secret" },
        temporalityPreference: AggregationTemporality[temporality] as number,
      });
      const provider = new MeterProvider({
        resource: resourceFromAttributes({ "service.name": "press", "process.pid": 7 }),
        readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: NEVER_MS })],
        views: [{
          instrumentName: "exponential",
          aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
        }],
      });
      try {
        const meter = provider.getMeter("plant");
        meter.createCounter("parts").add(3, { line: "4" });
        meter.createGauge("temperature").record(21.5);
        meter.createHistogram("wait").record(7);
        meter.createHistogram("exponential").record(7);
        await provider.forceFlush();
        meter.createObservableGauge("pressure").addCallback((result) => result.observe(-1.5));
        await provider.forceFlush();
      } finally {
        await provider.shutdown();
      }
      const read = await rig.read();
      const valuesOf = (wanted: string) =>
        read.filter(({ name }) => name.split("\0")[0] === wanted).map(({ value }) => value);
      assert.equal(valuesOf("parts")[0], 3);
      assert.equal(valuesOf("temperature")[0], 21.5);
      assert.ok(valuesOf("pressure").includes(-1.5));
      for (const histogram of ["wait", "exponential"]) {
        assert.equal(valuesOf(`${histogram}_count`)[0], 1);
        assert.equal(valuesOf(`${histogram}_sum`)[0], 7);
        // A cumulative one has no quantiles of a window.
        assert.equal(valuesOf(histogram).length > 0, temporality === "DELTA");
      }
      const series = read.find(({ name }) => name.startsWith("parts"))!.name;
      assert.match(series, /\{"line":"4","service\.name":"press"\}$/);
    });
  }
}
