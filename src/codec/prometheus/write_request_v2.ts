import type { Steps } from "../../platform/clock/steps.ts";
import { PushError } from "../push_error.ts";
import type { WireReader } from "../protobuf/wire_reader.ts";
import { PushedLabels } from "../pushed_events.ts";
import type { SampleIntake } from "./sample_intake.ts";
import { readSamples, SeriesText } from "./series_samples.ts";

/** Fields of `io.prometheus.write.v2.Request` (remote write 2.0) that are read. */
const REQUEST_SYMBOLS = 4;
const REQUEST_TIMESERIES = 5;
const SERIES_LABELS_REFS = 1;
const SERIES_FIELDS = { samples: 2, histograms: 3 };
const SERIES_METADATA = 5;
const METADATA_TYPE = 1;

/** Each takes memory, however short it is. */
const SYMBOLS_MAX = 1_000_000;
/** Memory of a symbol beside its characters. */
const SYMBOL_BYTES = 24;

/** Reads the series of a request. @throws {PushError} */
export function* readWriteRequestV2(reader: WireReader, intake: SampleIntake): Steps<void> {
  const symbols: (string | undefined)[] = [];
  while (reader.next()) {
    if (reader.isStepDone()) yield symbols.length * SYMBOL_BYTES;
    if (reader.field !== REQUEST_SYMBOLS) reader.skip();
    else if (symbols.push(reader.text()) > SYMBOLS_MAX) {
      throw new PushError(413, `the body has more than ${SYMBOLS_MAX} symbols; send several requests`);
    }
  }
  // Fields may come in any order, and series need the symbols.
  reader.at = 0;
  while (reader.next()) {
    if (reader.field !== REQUEST_TIMESERIES) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    const start = reader.at;
    const { series, type } = yield* readSeries(reader, symbols, intake);
    reader.at = start;
    yield* readSamples(reader, SERIES_FIELDS, series, type, intake);
    reader.leave(outer);
  }
}

function* readSeries(
  reader: WireReader,
  symbols: readonly (string | undefined)[],
  intake: SampleIntake,
): Steps<{ readonly series: SeriesText; readonly type: number }> {
  const series = new SeriesText(new PushedLabels());
  let type = 0;
  let key: number | undefined;
  const take = (reference: number) => {
    if (reference >= symbols.length) series.problem ??= "a reference to a symbol that there is not";
    else if (key === undefined) key = reference;
    else {
      series.addLabel(symbols[key], symbols[reference]);
      key = undefined;
    }
  };
  while (reader.next()) {
    if (reader.isStepDone()) yield intake.events.bytes;
    if (reader.field === SERIES_METADATA) type = readType(reader);
    else if (reader.field !== SERIES_LABELS_REFS) reader.skip();
    else if (!reader.isPacked) take(reader.uint32());
    else {
      const outer = reader.enterRun("varint");
      while (reader.hasMore && series.problem === undefined) take(reader.uint32());
      reader.leave(outer);
    }
  }
  if (key !== undefined) series.problem ??= "a label without a value";
  return { series, type };
}

function readType(reader: WireReader): number {
  let type = 0;
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.field === METADATA_TYPE) type = reader.uint32();
    else reader.skip();
  }
  reader.leave(outer);
  return type;
}
