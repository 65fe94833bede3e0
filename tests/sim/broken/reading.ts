import type { Surroundings } from "../../../src/runtime/parts.ts";
import { HistoryComparison } from "../../../src/sources/vabus/history_comparison.ts";
import { HistoryWatch } from "../../../src/sources/vabus/history_watch.ts";
import { LogSource } from "../../../src/sources/vabus/log_source.ts";
import { Ingest } from "../../../src/ingest/ingest.ts";
import { UnreadEvents } from "../../../src/ingest/unread_events.ts";
import { PositionWriter } from "../../../src/state/checkpoint/position_writer.ts";
import type { BusLog, FetchReply, FetchRequest } from "../../../src/sources/vabus/bus_log.ts";
import type { BrokenVariant } from "./broken_variant.ts";
import { replace } from "./replace.ts";

/** Makes the product send other requests to its buses, and see other replies. */
function withSources(
  change: (request: FetchRequest) => FetchRequest,
  changeReply: (reply: FetchReply, request: FetchRequest) => FetchReply = (reply) => reply,
): (surroundings: Surroundings) => Surroundings {
  return (surroundings) => ({
    ...surroundings,
    sources: (surroundings.sources as LogSource[]).map((source) => {
      const bus: BusLog = source["bus"];
      return new LogSource({
        ...bus,
        fetch: async (request, signal) => changeReply(await bus.fetch(change(request), signal), request),
      });
    }),
  });
}

/** Mistakes in the reading of buses. */
export const BROKEN_READING: readonly BrokenVariant[] = [
  {
    name: "the bus gets its ack before the commit",
    foundBy: 1,
    surroundings: withSources((request) =>
      request.offset === undefined ? request : { ...request, ack: request.offset }
    ),
  },
  {
    name: "a failed poll moves the watermark",
    foundBy: 1,
    parts: () =>
      replace(Ingest, "readFailed", (readFailed) =>
        function (bus: number, reason: string) {
          readFailed.call(this, bus, reason);
          this.setIdle(bus);
        }),
  },
  {
    name: "a reply is taken for the one that was asked for, whatever its offset",
    foundBy: 7,
    surroundings: withSources((request) => request, (reply, { offset }) => {
      if (reply.kind !== "events" || offset === undefined) return reply;
      const text = new TextDecoder().decode(reply.body);
      const shown = /"offset":(\d+),"next":(\d+)/.exec(text);
      if (shown === null || Number(shown[1]) === offset) return reply;
      const next = offset + Number(shown[2]) - Number(shown[1]);
      const body = text.replace(shown[0], `"offset":${offset},"next":${next}`);
      return { kind: "events", body: new TextEncoder().encode(body) };
    }),
  },
  {
    name: "events that the bus has trimmed away are not counted as lost",
    foundBy: 3,
    parts: () => replace(UnreadEvents, "addLost", () => () => {}),
  },
  {
    name: "a bus is never asked again for what was read of it",
    foundBy: 8,
    parts: () =>
      replace(HistoryWatch, "compareIfDue", () =>
        function ({ lineage }) {
          this.comparedLog = lineage;
          return Promise.resolve(undefined);
        }),
  },
  {
    name: "a bus that was restored is read on from where it was",
    foundBy: 8,
    parts: () =>
      replace(HistoryComparison, "parting", () =>
        function (end: number) {
          return Promise.resolve({ next: end, unknown: 0 });
        }),
  },
  {
    name: "a bus that was restored is read again from its oldest event",
    foundBy: 8,
    parts: () =>
      replace(HistoryComparison, "parting", (parting) =>
        async function (...values) {
          return { ...await parting.apply(this, values), next: this.history.at(0).offset };
        }),
  },
  {
    name: "what was read of a log is forgotten with the process",
    foundBy: 15,
    parts: () => replace(PositionWriter, "writeHistories", () => () => {}),
  },
];
