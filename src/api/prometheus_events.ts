import { BOOK_ENTRIES } from "../aggregation/event_books.ts";
import { watermarkLagMs } from "../runtime/overview.ts";
import { counter, type Family, gauge, histogram } from "./prometheus_family.ts";

/** The fates of an event. */
export const [, ...FATES] = BOOK_ENTRIES;

/** The work of the handler since its start, from the events to the closed windows. */
export const EVENT_METRICS: readonly Family[] = [
  counter(
    "events_received_total",
    "Events fetched from the buses.",
    ({ activity }) => activity.counts.received,
  ),
  counter(
    "events_total",
    "What became of the events received: aggregated, duplicate, dropped by AGG_FUNCTIONS, or refused with " +
      "the reason.",
    ["fate"],
    ({ activity: { counts } }) => FATES.map((fate) => [[fate], counts[fate]]),
  ),
  counter(
    "events_refused_total",
    "Refused events by reason and by what is wrong with them. A dead letter that is retried and refused " +
      "again counts again.",
    ["reason", "kind"],
    ({ activity: { refusals } }) => refusals.map(({ reason, kind, count }) => [[reason, kind], count]),
  ),
  counter(
    "events_late_arrivals_total",
    "Events that came after their window had closed; corrected or refused.",
    ({ activity }) => activity.counts.lateArrivals,
  ),
  counter(
    "events_lost_total",
    "Events that a bus had trimmed before they were fetched.",
    ({ activity }) => activity.counts.lost,
  ),
  counter(
    "aggregates_not_finite_total",
    "Aggregates not sent, since their value is not finite.",
    ({ activity }) => activity.counts.notFinite,
  ),
  histogram(
    "processing_seconds",
    "Decoding and aggregating one batch.",
    [],
    ({ activity }) => [[[], activity.processing]],
  ),
  histogram("decode_seconds", "Decoding one batch.", [], ({ activity }) => [[[], activity.decoding]]),
  histogram(
    "aggregate_seconds",
    "Aggregating one batch.",
    [],
    ({ activity }) => [[[], activity.aggregating]],
  ),
  histogram(
    "checkpoint_seconds",
    "Writing one checkpoint.",
    [],
    ({ activity }) => [[[], activity.checkpoints]],
  ),
  gauge(
    "open_windows",
    "Windows that have not closed, by their length in seconds.",
    ["interval"],
    ({ openByLength }) =>
      [...openByLength].map(([lengthMs, windows]) => [[`${lengthMs / 1000}`], windows] as const),
  ),
  gauge(
    "open_series",
    "Series in open windows, each once for each interval.",
    ({ openSeries }) => openSeries,
  ),
  gauge(
    "watermark_lag_seconds",
    "Wall clock less watermark. 0 while all buses are idle; absent while there is no watermark: before the " +
      "first event, and until each bus was read once.",
    (overview) => {
      const lagMs = watermarkLagMs(overview);
      return lagMs === undefined ? undefined : lagMs / 1000;
    },
  ),
];
