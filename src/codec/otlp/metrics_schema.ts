import type { Field, MessageSchema } from "../protobuf/message_schema.ts";

const many = (name: string, is: Field["is"]): Field => ({ name, is, isRepeated: true });
const late = (name: string, is: () => MessageSchema): Field => ({ name, is, isRepeated: "late" });
const one = (name: string, is: Field["is"]): Field => ({ name, is });

/*
 * What is read of OTLP's messages (opentelemetry/proto/metrics/v1/metrics.proto and its neighbours, 1.x).
 */

const ARRAY_VALUE: MessageSchema = { 1: many("values", () => ANY_VALUE) };
const KEY_VALUES: MessageSchema = { 1: many("values", () => KEY_VALUE) };
const ANY_VALUE: MessageSchema = {
  1: one("stringValue", "text"),
  2: one("boolValue", "bool"),
  3: one("intValue", "int64digits"),
  4: one("doubleValue", "double"),
  5: one("arrayValue", () => ARRAY_VALUE),
  6: one("kvlistValue", () => KEY_VALUES),
  7: one("bytesValue", "bytes"),
};
const KEY_VALUE: MessageSchema = { 1: one("key", "text"), 2: one("value", () => ANY_VALUE) };

const NUMBER_POINT: MessageSchema = {
  3: one("timeUnixNano", "fixed64"),
  4: one("asDouble", "double"),
  6: one("asInt", "sfixed64"),
  7: many("attributes", () => KEY_VALUE),
  8: one("flags", "uint32"),
};
const HISTOGRAM_POINT: MessageSchema = {
  3: one("timeUnixNano", "fixed64"),
  4: one("count", "fixed64"),
  5: one("sum", "double"),
  6: many("bucketCounts", "fixed64"),
  7: many("explicitBounds", "double"),
  9: many("attributes", () => KEY_VALUE),
  10: one("flags", "uint32"),
  11: one("min", "double"),
  12: one("max", "double"),
};
const BUCKETS: MessageSchema = { 1: one("offset", "sint32"), 2: many("bucketCounts", "uint64") };
const EXPONENTIAL_POINT: MessageSchema = {
  1: many("attributes", () => KEY_VALUE),
  3: one("timeUnixNano", "fixed64"),
  4: one("count", "fixed64"),
  5: one("sum", "double"),
  6: one("scale", "sint32"),
  7: one("zeroCount", "fixed64"),
  8: one("positive", () => BUCKETS),
  9: one("negative", () => BUCKETS),
  10: one("flags", "uint32"),
  12: one("min", "double"),
  13: one("max", "double"),
};
const QUANTILE: MessageSchema = { 1: one("quantile", "double"), 2: one("value", "double") };
const SUMMARY_POINT: MessageSchema = {
  3: one("timeUnixNano", "fixed64"),
  4: one("count", "fixed64"),
  5: one("sum", "double"),
  6: many("quantileValues", () => QUANTILE),
  7: many("attributes", () => KEY_VALUE),
  8: one("flags", "uint32"),
};

/** All kinds of metrics have their points in the first field. */
const dataOf = (point: MessageSchema): MessageSchema => ({
  1: late("dataPoints", () => point),
  2: one("aggregationTemporality", "uint32"),
});
const GAUGE = dataOf(NUMBER_POINT);
const HISTOGRAM = dataOf(HISTOGRAM_POINT);
const EXPONENTIAL = dataOf(EXPONENTIAL_POINT);
const SUMMARY = dataOf(SUMMARY_POINT);
const METRIC: MessageSchema = {
  1: one("name", "text"),
  5: one("gauge", () => GAUGE),
  7: one("sum", () => GAUGE),
  9: one("histogram", () => HISTOGRAM),
  10: one("exponentialHistogram", () => EXPONENTIAL),
  11: one("summary", () => SUMMARY),
};
const RESOURCE: MessageSchema = { 1: many("attributes", () => KEY_VALUE) };
const SCOPE_METRICS: MessageSchema = { 2: late("metrics", () => METRIC) };
const RESOURCE_METRICS: MessageSchema = {
  1: one("resource", () => RESOURCE),
  2: late("scopeMetrics", () => SCOPE_METRICS),
};

/** `ExportMetricsServiceRequest` */
export const EXPORT_REQUEST: MessageSchema = { 1: late("resourceMetrics", () => RESOURCE_METRICS) };
