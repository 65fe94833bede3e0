import type { LiveBusOverview, LiveOverview, LivePartitionOverview } from "../runtime/overview.ts";
import { FATES } from "./prometheus_events.ts";
import { counter, type Family, flag, gauge, histogram, type Sample } from "./prometheus_family.ts";

/** Partitions of one bus that are on the page by themselves. A bus may have very many, such as files. */
export const PARTITIONS_SHOWN = 1000;

/** The buses and their partitions. */
export const BUS_METRICS: readonly Family[] = [
  gauge(
    "bus_up",
    "1 if the last poll succeeded.",
    ["bus"],
    ({ buses }) => buses.map(({ name, failure }) => [[name], flag(failure === undefined)] as const),
  ),
  counter(
    "bus_events_total",
    "What became of the events of a bus, when they came.",
    ["bus", "fate"],
    ({ activity: { buses } }) =>
      [...buses].flatMap(([bus, { events }]) => FATES.map((fate): Sample => [[bus, fate], events[fate]])),
  ),
  histogram(
    "fetch_seconds",
    "One read that brought events: the wait for the first one and the way, without decoding.",
    ["bus"],
    ({ activity: { buses } }) => [...buses].map(([bus, { fetching }]) => [[bus], fetching] as const),
  ),
  gauge(
    "bus_partitions",
    "Partitions that the bus has.",
    ["bus"],
    ({ buses }) => buses.map(({ name, partitions }) => [[name], partitions.length] as const),
  ),
  gauge(
    "bus_offset",
    "Offset that is fetched next, where positions are offsets.",
    ["bus", "partition"],
    ofPartitions(({ nextOffset }) => nextOffset),
  ),
  gauge(
    "bus_newest_event_timestamp_seconds",
    "The greatest event time, no later than the wall clock.",
    ["bus", "partition"],
    ofPartitions(({ newestEventMs }) => newestEventMs === undefined ? undefined : newestEventMs / 1000),
  ),
  gauge(
    "bus_unread_events",
    "Records that the bus has and that are not fetched yet, by its last answer, where it tells.",
    ["bus", "partition"],
    ofPartitions(({ unreadEvents }) => unreadEvents),
  ),
  counter(
    "bus_events_lost_total",
    "Events that the partition had lost before they were fetched.",
    ["bus", "partition"],
    ofPartitions(({ lostEvents }) => lostEvents),
  ),
  gauge(
    "bus_unread_bytes",
    "What is not read yet of files that end.",
    ["bus"],
    ofBuses(({ extent }) => extent && extent.allBytes - extent.readBytes),
  ),
  gauge(
    "inbox_bytes",
    "What the inbox of a listening bus holds.",
    ["bus"],
    ofBuses(({ inbox }) => inbox?.bytes),
  ),
  gauge(
    "inbox_max_bytes",
    "INBOX_MAX_BYTES: a full inbox refuses what is sent.",
    ["bus"],
    ofBuses(({ inbox }) => inbox?.maxBytes),
  ),
];

function ofBuses(
  value: (bus: LiveBusOverview) => number | undefined,
): (overview: LiveOverview) => Sample[] {
  return ({ buses }) =>
    buses.flatMap((bus): Sample[] => {
      const found = value(bus);
      return found === undefined ? [] : [[[bus.name], found]];
    });
}

function ofPartitions(
  value: (partition: LivePartitionOverview) => number | undefined,
): (overview: LiveOverview) => Sample[] {
  return ({ buses }) =>
    buses.flatMap(({ name, partitions }) =>
      partitions.slice(0, PARTITIONS_SHOWN).flatMap((partition): Sample[] => {
        const found = value(partition);
        return found === undefined ? [] : [[[name, partition.partition], found]];
      })
    );
}
