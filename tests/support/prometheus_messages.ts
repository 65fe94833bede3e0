/** Messages of Prometheus remote write, encoded by a library that knows nothing of our reader. */
import protobuf from "protobufjs";
import snappy from "snappyjs";

const SHARED = `
  message Sample { double value = 1; int64 timestamp = 2; }
  message Span { sint32 offset = 1; uint32 length = 2; }
  message Histogram {
    oneof count { uint64 count_int = 1; double count_float = 2; }
    double sum = 3; sint32 schema = 4; double zero_threshold = 5;
    oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
    repeated Span negative_spans = 8; repeated sint64 negative_deltas = 9; repeated double negative_counts = 10;
    repeated Span positive_spans = 11; repeated sint64 positive_deltas = 12; repeated double positive_counts = 13;
    int32 reset_hint = 14; int64 timestamp = 15; repeated double custom_values = 16;
  }`;

const V1 = protobuf.parse(
  `syntax = "proto3"; ${SHARED}
  message Label { string name = 1; string value = 2; }
  message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
  message TimeSeries {
    repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3;
    repeated Histogram histograms = 4;
  }
  message Metadata { int32 type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }
  message WriteRequest { repeated TimeSeries timeseries = 1; repeated Metadata metadata = 3; }`,
  { keepCase: true },
).root.lookupType("WriteRequest");

const V2 = protobuf.parse(
  `syntax = "proto3"; ${SHARED}
  message Exemplar { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }
  message Metadata { int32 type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
  message TimeSeries {
    repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3;
    repeated Exemplar exemplars = 4; Metadata metadata = 5; int64 created_timestamp = 6;
  }
  message Request { repeated string symbols = 4; repeated TimeSeries timeseries = 5; }`,
  { keepCase: true },
).root.lookupType("Request");

export interface SentSample {
  readonly value: number;
  readonly timestamp: number;
}

export interface SentHistogram {
  readonly count_int?: number;
  readonly count_float?: number;
  readonly sum: number;
  readonly timestamp: number;
  readonly [more: string]: unknown;
}

export interface SentSeries {
  /** With `__name__`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly samples?: readonly SentSample[];
  readonly histograms?: readonly SentHistogram[];
  /** Version 2 only. */
  readonly type?: number;
}

/** `prometheus.WriteRequest`, not compressed. */
export function writeRequest(timeseries: readonly SentSeries[]): Uint8Array {
  return V1.encode(V1.fromObject({
    timeseries: timeseries.map(({ labels, samples = [], histograms = [] }) => ({
      labels: Object.entries(labels).map(([name, value]) => ({ name, value })),
      samples,
      histograms,
      exemplars: [{ labels: [{ name: "trace_id", value: "x" }], value: 1, timestamp: 1 }],
    })),
    metadata: [{ type: 1, metric_family_name: "a", help: "h" }],
  })).finish();
}

/** `io.prometheus.write.v2.Request`, not compressed. */
export function writeRequestV2(timeseries: readonly SentSeries[]): Uint8Array {
  const symbols = new Map([["", 0]]);
  const reference = (text: string) => {
    if (!symbols.has(text)) symbols.set(text, symbols.size);
    return symbols.get(text)!;
  };
  const series = timeseries.map(({ labels, samples = [], histograms = [], type = 0 }) => ({
    labels_refs: Object.entries(labels).flatMap(([name, value]) => [reference(name), reference(value)]),
    samples,
    histograms,
    exemplars: [{ labels_refs: [0, 0], value: 1, timestamp: 1 }],
    metadata: { type, help_ref: reference("help") },
    created_timestamp: 1,
  }));
  return rawRequestV2([...symbols.keys()], series);
}

/** A request of version 2 with series as they are given. */
export function rawRequestV2(symbols: readonly string[], timeseries: readonly object[]): Uint8Array {
  return V2.encode(V2.fromObject({ symbols, timeseries })).finish();
}

export function compressed(message: Uint8Array): Uint8Array {
  return snappy.compress(Uint8Array.from(message)) as Uint8Array;
}
