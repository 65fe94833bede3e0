import { TAP_EVENTS } from "../api/tap_endpoint.ts";
import { outboxEnd, type PassingAggregates, passingAggregates } from "../control/passing_aggregates.ts";
import { aggregateRecord, type EventRecord, type TappedAggregateRecord } from "../control/tapped_record.ts";
import { type SeriesFilter, SeriesMatcher } from "../event/series_filter.ts";
import { systemClock } from "../platform/clock/clock.ts";
import { atOnce } from "../platform/clock/steps.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import type { ListenerClient } from "./listener_client.ts";

/** An event or an aggregate, or how many have passed and were left out. */
export type Passing =
  | { readonly record: EventRecord | TappedAggregateRecord }
  | { readonly passed: number; readonly unexamined: number; readonly unsent: number };

const LOOK_MS = 1000;
/** Reading the state takes a tenth of the time at most. */
const REST_FACTOR = 10;

/** What passes, as the listener shows it. @throws {ListenerError} */
export async function* passingOver(
  client: ListenerClient,
  { aggregates, labels, name }: SeriesFilter & { readonly aggregates: boolean },
  signal: AbortSignal,
): AsyncGenerator<Passing> {
  const query = new URLSearchParams({ of: aggregates ? "aggregates" : "events", name });
  if (Object.keys(labels).length > 0) query.set("labels", JSON.stringify(labels));
  for await (const { data, event } of client.stream(`/api/tap?${query}`, signal)) {
    if (event === "passed") yield client.checked(TAP_EVENTS.passed, data);
    else yield { record: client.checked(aggregates ? TAP_EVENTS.aggregate : TAP_EVENTS.event, data) };
  }
}

/** The aggregates that pass, as the state has them after each checkpoint. @throws {StateError} */
export async function* passingInState(
  stateDir: string,
  filter: SeriesFilter,
  signal: AbortSignal,
): AsyncGenerator<Passing> {
  const matcher = new SeriesMatcher(filter);
  let fromId: number | undefined;
  while (!signal.aborted) {
    const beganMs = performance.now();
    const { aggregates, instance, nextId, ...counts } = readPassing(stateDir, fromId, matcher);
    fromId = nextId;
    yield counts;
    for (const passing of aggregates) yield { record: aggregateRecord(passing, instance) };
    await systemClock.sleep(Math.max(LOOK_MS, REST_FACTOR * (performance.now() - beganMs)), signal);
  }
}

function readPassing(
  stateDir: string,
  fromId: number | undefined,
  matcher: SeriesMatcher,
): PassingAggregates {
  const state = StateDatabase.openForReading(stateDir);
  try {
    return state.snapshot(() => atOnce(passingAggregates(state, fromId ?? outboxEnd(state), matcher)));
  } finally {
    state.close();
  }
}
