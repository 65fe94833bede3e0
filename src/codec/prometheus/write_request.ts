import type { Steps } from "../../platform/clock/steps.ts";
import type { WireReader } from "../protobuf/wire_reader.ts";
import { PushedLabels } from "../pushed_events.ts";
import type { SampleIntake } from "./sample_intake.ts";
import { readSamples, SeriesText } from "./series_samples.ts";

/** Fields of `prometheus.WriteRequest` (remote write 1.0) that are read. */
const REQUEST_TIMESERIES = 1;
const SERIES_LABELS = 1;
const SERIES_FIELDS = { samples: 2, histograms: 4 };
const LABEL_NAME = 1;
const LABEL_VALUE = 2;

/** Reads the series of a request. @throws {PushError} */
export function* readWriteRequest(reader: WireReader, intake: SampleIntake): Steps<void> {
  while (reader.next()) {
    if (reader.field !== REQUEST_TIMESERIES) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    const start = reader.at;
    const series = yield* readLabels(reader, intake);
    // Fields may come in any order, and samples need the labels.
    reader.at = start;
    yield* readSamples(reader, SERIES_FIELDS, series, 0, intake);
    reader.leave(outer);
  }
}

function* readLabels(reader: WireReader, intake: SampleIntake): Steps<SeriesText> {
  const labels = new PushedLabels();
  const series = new SeriesText(labels);
  while (reader.next()) {
    if (reader.isStepDone()) yield intake.events.bytes;
    if (reader.field !== SERIES_LABELS) {
      reader.skip();
      continue;
    }
    let key: string | undefined = "";
    let value: string | undefined = "";
    const outer = reader.enter();
    while (reader.next()) {
      if (reader.field === LABEL_NAME) key = reader.text();
      else if (reader.field === LABEL_VALUE) value = reader.text();
      else reader.skip();
    }
    reader.leave(outer);
    series.addLabel(key, value);
  }
  return series;
}
