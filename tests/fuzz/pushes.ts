import assert from "node:assert/strict";
import { OTLP_METRICS } from "../../src/codec/otlp/otlp_metrics.ts";
import { REMOTE_WRITE } from "../../src/codec/prometheus/remote_write.ts";
import type { Push, PushProtocol } from "../../src/codec/push.ts";
import { PushError } from "../../src/codec/push_error.ts";
import { attribute, encoded, JSON_TYPE, PROTOBUF, requestOf } from "../support/otlp_messages.ts";
import { compressed, type SentSeries, writeRequest, writeRequestV2 } from "../support/prometheus_messages.ts";
import { pushOf, recordsOf } from "../support/pushed_records.ts";
import { below, chance, oddText, oneOf } from "./draw.ts";
import { mutated } from "./mutation.ts";
import type { Random, Target } from "./target.ts";

/** Requests of Prometheus and OpenTelemetry: whatever comes, each is read or refused, never in part. */
export const pushes: Target = {
  name: "pushes",
  what: "remote write and OTLP: Snappy, protobuf, JSON",
  open: () => Promise.resolve({ attempt, [Symbol.asyncDispose]: () => Promise.resolve() }),
};

const V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
const TIME_MS = 1_790_000_000_000;

interface Sent {
  readonly name: string;
  readonly protocol: PushProtocol;
  readonly type: string;
  readonly body: Uint8Array;
}

function attempt(random: Random): string {
  const { name, protocol, type, body } = chance(random, 0.5) ? remoteWrite(random) : otlp(random);
  const bytes = chance(random, 0.4) ? mutated(random, body) : body;
  let push: Push;
  try {
    push = pushOf(protocol, bytes, type);
  } catch (error) {
    if (!(error instanceof PushError)) throw error;
    assert.ok(error.message !== "" && error.message.length < 500);
    return `${name}: refused`;
  }
  for (const { value, timestamp, name: series } of recordsOf(push)) {
    assert.ok(Number.isFinite(value) && timestamp >= 0 && series !== "");
  }
  const isWhole = push.answer.status === 200 && push.answer.body.length <= 2;
  return isWhole ? `${name}: read` : `${name}: read in part`;
}

function remoteWrite(random: Random): Sent {
  const series = Array.from({ length: below(random, 4) }, () => seriesOf(random));
  const isV2 = chance(random, 0.5);
  let message = (isV2 ? writeRequestV2 : writeRequest)(series);
  // Beneath an intact compression too.
  if (chance(random, 0.4)) message = mutated(random, message);
  return {
    name: isV2 ? "remote write 2.0" : "remote write 1.0",
    protocol: REMOTE_WRITE,
    type: isV2 ? V2 : PROTOBUF,
    body: compressed(message),
  };
}

function seriesOf(random: Random): SentSeries {
  const labels: Record<string, string> = chance(random, 0.9) ? { __name__: word(random) } : {};
  for (let i = below(random, chance(random, 0.1) ? 40 : 4); i > 0; i--) {
    labels[word(random) + i] = word(random);
  }
  const timestamp = () => chance(random, 0.9) ? TIME_MS + below(random, 1e6) : -below(random, 1e6);
  return {
    labels,
    type: below(random, 9),
    samples: Array.from({ length: below(random, 3) }, () => ({
      value: number(random),
      timestamp: timestamp(),
    })),
    histograms: Array.from({ length: below(random, 2) }, () => ({
      count_int: below(random, 1e9),
      sum: number(random),
      timestamp: timestamp(),
      positive_deltas: [1, -1],
    })),
  };
}

function otlp(random: Random): Sent {
  const type = oneOf(random, [PROTOBUF, JSON_TYPE]);
  const metrics = Array.from({ length: below(random, 4) }, () => metricOf(random, type));
  const attributes = Array.from({ length: below(random, 4) }, () => attribute(word(random), word(random)));
  return {
    name: `OTLP as ${type}`,
    protocol: OTLP_METRICS,
    type,
    body: encoded(requestOf(metrics, attributes), type),
  };
}

function metricOf(random: Random, type: string): object {
  const double = () => type === PROTOBUF ? number(random) : String(number(random));
  const counts = () => Array.from({ length: below(random, 4) }, () => String(below(random, 100)));
  const point = () => ({
    timeUnixNano: chance(random, 0.9) ? `${TIME_MS + below(random, 1e6)}000000` : "0",
    flags: chance(random, 0.1) ? 1 : 0,
    attributes: Array.from({ length: below(random, 3) }, () => attribute(word(random), word(random))),
  });
  const counted = () => ({ ...point(), count: String(below(random, 100)), sum: double() });
  const half = () => ({ offset: below(random, 100) - 50, bucketCounts: counts() });
  const points = (make: () => object) => Array.from({ length: below(random, 3) }, make);
  const aggregationTemporality = oneOf(random, [0, 1, 1, 2]);
  return {
    name: word(random),
    ...oneOf(random, [
      () => ({ gauge: { dataPoints: points(() => ({ ...point(), asDouble: double() })) } }),
      () => ({ sum: { dataPoints: points(() => ({ ...point(), asInt: "-5" })), aggregationTemporality } }),
      () => ({
        histogram: {
          dataPoints: points(() => ({
            ...counted(),
            bucketCounts: counts(),
            explicitBounds: [1, 2, 5].slice(0, below(random, 4)),
            ...(chance(random, 0.5) && { min: double(), max: double() }),
          })),
          aggregationTemporality,
        },
      }),
      () => ({
        exponentialHistogram: {
          dataPoints: points(() => ({
            ...counted(),
            scale: below(random, 40) - 20,
            positive: half(),
            negative: half(),
          })),
          aggregationTemporality,
        },
      }),
      () => ({
        summary: {
          dataPoints: points(() => ({ ...counted(), quantileValues: [{ quantile: 1, value: double() }] })),
        },
      }),
    ])(),
  };
}

function number(random: Random): number {
  return oneOf(random, [0, -0, 1, -2.5, 1e300, 5e-324, 2 ** 53, NaN, Infinity, -Infinity, random()]);
}

function word(random: Random): string {
  return chance(random, 0.8) ? oneOf(random, ["a", "b_total", "ü", ""]) : oddText(random, 5).toWellFormed();
}
