import type { EventMapping } from "./event_mapping.ts";
import { makeEvent, type Reading, type RecordContext } from "./reading.ts";

/** The event of a record that is one number. */
export function* valueReadings(
  text: string,
  mapping: EventMapping,
  context: RecordContext,
): Generator<Reading> {
  const parts = { at: () => undefined, fill: () => undefined, value: text, valueName: "the value" };
  yield { event: makeEvent(mapping, parts, context) };
}
