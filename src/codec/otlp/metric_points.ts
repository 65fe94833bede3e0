import type { Steps } from "../../platform/clock/steps.ts";
import { PushRefusals } from "../push_refusals.ts";
import { PushedEvents, type PushedLabels, PushedSeries } from "../pushed_events.ts";
import { pointLabels, resourceLabels } from "./attributes.ts";
import { itemsIn, type JsonObject, numberIn, objectIn, textIn } from "./json_value.ts";
import {
  exponentialValues,
  gaugeValues,
  histogramValues,
  type PointValues,
  summaryValues,
  sumValues,
} from "./point_values.ts";

/** `DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`: the series has ended. */
const NO_RECORDED_VALUE = 1;
const NANOSECONDS_PER_MS = 1e6;
/** Items of a step: points, and what they are in. */
const STEP_ITEMS = 500;

/** The kinds of metrics, and how their points are read. A metric is of one of them. */
const KINDS: readonly (readonly [
  kind: string,
  values: (point: JsonObject, temporality: unknown) => PointValues,
])[] = [
  ["gauge", gaugeValues],
  ["sum", sumValues],
  ["histogram", histogramValues],
  ["exponentialHistogram", exponentialValues],
  ["summary", summaryValues],
];

/** Makes events of the points of a request. */
export class MetricPoints {
  readonly events = new PushedEvents();
  readonly refusals = new PushRefusals();
  /** Points that came. */
  count = 0;
  private items = 0;

  /** @param request `ExportMetricsServiceRequest` as protobuf's JSON has it. @throws {PushError} */
  *take(request: unknown): Steps<void> {
    for (const item of itemsIn(objectIn(request, "the body").resourceMetrics, "resourceMetrics")) {
      if (this.isStepDone()) yield this.events.bytes;
      const { resource, scopeMetrics } = objectIn(item, "an item of resourceMetrics");
      const labels = resourceLabels(resource);
      for (const scope of itemsIn(scopeMetrics, "scopeMetrics")) {
        if (this.isStepDone()) yield this.events.bytes;
        const { metrics } = objectIn(scope, "an item of scopeMetrics");
        for (const metric of itemsIn(metrics, "metrics")) {
          if (this.isStepDone()) yield this.events.bytes;
          yield* this.takeMetric(objectIn(metric, "a metric"), labels);
        }
      }
    }
  }

  private isStepDone(): boolean {
    return ++this.items % STEP_ITEMS === 0;
  }

  private *takeMetric(metric: JsonObject, resource: PushedLabels): Steps<void> {
    const name = textIn(metric.name, "the name of a metric");
    for (const [kind, valuesOf] of KINDS) {
      const { dataPoints, aggregationTemporality } = objectIn(metric[kind], kind);
      for (const item of itemsIn(dataPoints, "dataPoints")) {
        if (this.isStepDone()) yield this.events.bytes;
        this.count++;
        const point = objectIn(item, "a point");
        if ((numberIn(point.flags, "flags") & NO_RECORDED_VALUE) !== 0) continue;
        const problem = this.takePoint(name, point, resource, valuesOf(point, aggregationTemporality));
        if (problem === undefined) continue;
        this.refusals.add(problem, name);
        this.events.refused();
      }
    }
  }

  /** Takes all values of a point, or none and returns what is wrong. */
  private takePoint(
    name: string,
    point: JsonObject,
    resource: PushedLabels,
    values: PointValues,
  ): string | undefined {
    if (typeof values === "string") return values;
    const timeNs = numberIn(point.timeUnixNano, "timeUnixNano");
    if (!(timeNs > 0)) return "a point without a time";
    const labels = pointLabels(point.attributes, resource);
    const series: PushedSeries[] = [];
    for (const { suffix, quantile, value, usual } of values) {
      if (!Number.isFinite(value)) return `the value ${value}, which is no finite number`;
      const own = quantile === undefined ? labels : labels.with("quantile", quantile);
      const checked = PushedSeries.of(name === "" ? "" : name + suffix, own, usual);
      if (typeof checked === "string") return checked;
      series.push(checked);
    }
    const timeMs = Math.round(timeNs / NANOSECONDS_PER_MS);
    values.forEach(({ value }, i) => this.events.add(series[i]!, value, timeMs));
    return undefined;
  }
}
