import type { EventMapping } from "./event_mapping.ts";
import {
  type InfluxField,
  type InfluxLine,
  influxLines,
  influxNumber,
  isInfluxText,
  parseInfluxLine,
} from "./influx_line.ts";
import { makeEvent, type Parts, type Reading, type RecordContext } from "./reading.ts";
import type { Hole } from "./template.ts";
import { timeIn } from "./time.ts";

/** The events of a record of line protocol: each numeric field of each of its lines. */
export function* influxReadings(
  text: string,
  mapping: EventMapping,
  context: RecordContext,
): Generator<Reading> {
  let isEmpty = true;
  for (const line of influxLines(text)) {
    isEmpty = false;
    yield* influxLineReadings(line, mapping, context);
  }
  if (isEmpty) yield NO_LINE;
}

/** What is wrong with a line that has text only. */
export const NO_NUMBER = "no number among its fields";
export const NO_LINE: Reading = { event: "no line in it" };

/** The events of one line. */
export function* influxLineReadings(
  line: string,
  mapping: EventMapping,
  context: RecordContext,
): Generator<Reading> {
  const parsed = parseInfluxLine(line);
  if (typeof parsed === "string") yield { event: parsed, alone: () => line };
  else yield* readingsOf(parsed, line, mapping, context);
}

function* readingsOf(
  parsed: InfluxLine,
  line: string,
  mapping: EventMapping,
  context: RecordContext,
): Generator<Reading> {
  const { fields, head, timestamp } = parsed;
  const time = timestamp === undefined ? undefined : timeIn(timestamp, mapping.timeUnit);
  // What is text is no event; a number is.
  const numeric = fields.filter(({ value }) => !isInfluxText(value));
  if (numeric.length === 0) yield { event: NO_NUMBER, alone: () => line };
  for (const field of numeric) {
    const alone = () => [head, field.text, timestamp].filter((part) => part !== undefined).join(" ");
    const value = influxNumber(field.value);
    const event = typeof time === "string"
      ? time
      : typeof value === "string"
      ? `the field ${field.name} ${value}`
      : makeEvent(mapping, partsOf(parsed, field, value, time), context);
    yield { event, alone };
  }
}

function partsOf(
  { measurement, tags }: InfluxLine,
  field: InfluxField,
  value: number,
  ownTime: number | undefined,
): Parts {
  return {
    at: () => undefined,
    fill: (hole: Hole) =>
      hole.kind === "measurement"
        ? measurement
        : hole.kind === "field"
        ? field.name
        : hole.kind === "tag"
        ? tags[hole.tag]
        : undefined,
    value,
    valueName: `the field ${field.name}`,
    ownTime,
    tags,
  };
}
