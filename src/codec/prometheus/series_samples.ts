import type { Steps } from "../../platform/clock/steps.ts";
import type { WireReader } from "../protobuf/wire_reader.ts";
import { type PushedLabels, PushedSeries } from "../pushed_events.ts";
import { usualFunction } from "./metric_kind.ts";
import type { SampleIntake } from "./sample_intake.ts";

const NAME_LABEL = "__name__";
const NO_NAME = "a series without the label __name__";

const SAMPLE_VALUE = 1;
const SAMPLE_TIMESTAMP = 2;

const HISTOGRAM_COUNT_INT = 1;
const HISTOGRAM_COUNT_FLOAT = 2;
const HISTOGRAM_SUM = 3;
const HISTOGRAM_TIMESTAMP = 15;

/** The bits of the NaN that marks a series as stale. */
const STALE_HIGH = 0x7ff00000;
const STALE_LOW = 2;

/** The numbers of two fields of a series, which differ between the versions. */
export interface SeriesFields {
  readonly samples: number;
  readonly histograms: number;
}

/** Name and labels of a series, as they are read. */
export class SeriesText {
  name: string | undefined;
  /** For the sender; undefined: nothing is wrong with it. */
  problem: string | undefined;

  constructor(private readonly labels: PushedLabels) {}

  /** An empty value says that there is no such label. */
  addLabel(key: string | undefined, value: string | undefined): void {
    if (key !== NAME_LABEL) {
      if (value !== "") this.labels.add(key, value);
    } else if (this.name !== undefined) this.problem ??= "a label that is there twice";
    else if (value === undefined) this.problem ??= "a name that is not UTF-8";
    else this.name = value;
  }

  /** The series of its values; a text: what is wrong with it. */
  pushed(suffix: string, type: number): PushedSeries | string {
    if (this.problem !== undefined) return this.problem;
    if (this.name === undefined || this.name === "") return NO_NAME;
    const name = this.name + suffix;
    return PushedSeries.of(name, this.labels, usualFunction(name, type));
  }
}

/** Reads the samples of the series that the reader is in. @throws {PushError} */
export function* readSamples(
  reader: WireReader,
  fields: SeriesFields,
  series: SeriesText,
  type: number,
  intake: SampleIntake,
): Steps<void> {
  // Made when there is something to be said of it: the work for a series without samples stays small.
  let values: PushedSeries | string | undefined;
  let counts: PushedSeries | string | undefined;
  let sums: PushedSeries | string | undefined;
  while (reader.next()) {
    if (reader.isStepDone()) yield intake.events.bytes;
    if (reader.field === fields.samples) {
      const sample = readSample(reader);
      intake.sample(values ??= series.pushed("", type), series.name, sample);
    } else if (reader.field === fields.histograms) {
      const histogram = readHistogram(reader);
      if (histogram.isStale) intake.staleHistogram();
      else {
        counts ??= series.pushed("_count", 0);
        sums ??= series.pushed("_sum", 0);
        intake.histogram(counts, sums, series.name, histogram);
      }
    } else reader.skip();
  }
}

/** One that marks its series as stale is NaN. */
function readSample(reader: WireReader): { value: number; timeMs: number } {
  const sample = { value: 0, timeMs: 0 };
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.field === SAMPLE_VALUE) sample.value = reader.double();
    else if (reader.field === SAMPLE_TIMESTAMP) sample.timeMs = reader.int64();
    else reader.skip();
  }
  reader.leave(outer);
  return sample;
}

/** Its buckets are passed over: they count from a start on, so no quantile of a window is in them. */
function readHistogram(
  reader: WireReader,
): { count: number; sum: number; timeMs: number; isStale: boolean } {
  const histogram = { count: 0, sum: 0, timeMs: 0, isStale: false };
  const outer = reader.enter();
  while (reader.next()) {
    switch (reader.field) {
      case HISTOGRAM_COUNT_INT:
        histogram.count = reader.uint64();
        break;
      case HISTOGRAM_COUNT_FLOAT:
        histogram.count = reader.double();
        break;
      case HISTOGRAM_SUM:
        histogram.sum = reader.double();
        histogram.isStale = reader.hadBits(STALE_HIGH, STALE_LOW);
        break;
      case HISTOGRAM_TIMESTAMP:
        histogram.timeMs = reader.int64();
        break;
      default:
        reader.skip();
    }
  }
  reader.leave(outer);
  return histogram;
}
