import { spanInWords } from "../../ingest/span_in_words.ts";
import type { AlarmFigures } from "./alarm_figures.ts";
import { LATE_DATA, refusalAlarmName } from "../../state/letters/refusal_alarms.ts";
import { watermarkLagMs } from "../overview.ts";
import { amount } from "../../platform/log/amount.ts";
import { aboutHandler, type AlarmRule, type Finding, inPercent, MINUTE_MS } from "./alarm_rule.ts";
import { THRESHOLDS } from "./thresholds.ts";

const { VabusDataStopped, VabusEventsLost, VabusEventsRefused, VabusUnreadGrows, VabusWatermarkLag } =
  THRESHOLDS;

/** The buses and their events. */
export const BUS_RULES: readonly AlarmRule[] = [
  {
    name: "VabusBusUnavailable",
    severity: "critical",
    summary: "a bus cannot be read",
    forMs: 5 * MINUTE_MS,
    find: ({ buses }) =>
      buses.flatMap(({ failingSinceMs: sinceMs, failure, name }): Finding[] =>
        failure === undefined ? [] : [{ labels: { bus: name }, detail: failure, sinceMs }]
      ),
  },
  {
    name: "VabusDataStopped",
    severity: "warning",
    summary: "no event comes",
    forMs: 10 * MINUTE_MS,
    find: (_, past) =>
      aboutHandler(
        past.increase(VabusDataStopped.withinSeconds * 1000, ({ received }) => received) === 0,
        () => "no event has been received for ten minutes, or since the start",
      ),
  },
  {
    name: "VabusWatermarkLag",
    severity: "warning",
    summary: "event time is far behind",
    forMs: 5 * MINUTE_MS,
    find: (overview) => {
      const lagMs = watermarkLagMs(overview) ?? 0;
      return aboutHandler(
        lagMs > VabusWatermarkLag.lagSeconds * 1000,
        () => `event time is ${spanInWords(lagMs)} behind the clock, so windows close late`,
      );
    },
  },
  {
    name: "VabusUnreadGrows",
    severity: "warning",
    summary: "the handler does not keep up with a bus",
    forMs: 30 * MINUTE_MS,
    find: ({ buses }, past) =>
      buses.flatMap(({ name, partitions }): Finding[] => {
        const unread = partitions.reduce((sum, { unreadEvents = 0 }) => sum + unreadEvents, 0);
        const growth = past.slope(VabusUnreadGrows.trendSeconds * 1000, (figures) =>
          figures.unread.get(name)) ?? 0;
        return unread > VabusUnreadGrows.unread && growth > 0
          ? [{
            labels: { bus: name },
            detail: `${amount(unread, "record")} are not read, and more come than are read`,
          }]
          : [];
      }),
  },
  {
    name: "VabusInboxFills",
    severity: "warning",
    summary: "an inbox fills",
    forMs: 5 * MINUTE_MS,
    find: ({ buses }) =>
      buses.flatMap(({ inbox, name }): Finding[] =>
        inbox === undefined || inbox.bytes / inbox.maxBytes <= THRESHOLDS.VabusInboxFills.share ? [] : [{
          labels: { bus: name },
          detail: `the inbox is ${
            inPercent(inbox.bytes / inbox.maxBytes)
          } full; a full one refuses what is sent`,
        }]
      ),
  },
  {
    name: "VabusEventsRefused",
    severity: "warning",
    summary: "events are refused",
    forMs: 10 * MINUTE_MS,
    find: ({ activity: { refusals } }, past) => {
      const windowMs = VabusEventsRefused.withinSeconds * 1000;
      const received = past.increase(windowMs, (figures) => figures.received) ?? 0;
      return [...new Set(refusals.map(({ reason }) => reason))].flatMap((reason): Finding[] => {
        const counter = (figures: AlarmFigures) => figures.refused.get(reason) ?? 0;
        const refused = past.increase(windowMs, counter) ?? 0;
        const quietMs = past.quietMs(windowMs, counter) ?? 0;
        const stopped = quietMs < MINUTE_MS ? "" : `; none for ${spanInWords(quietMs)}`;
        return refused <= VabusEventsRefused.share * received ? [] : [{
          labels: { reason },
          detail: `refused as ${reason}: ${amount(refused, "event")} of the last ` +
            `${received.toLocaleString("en")}${stopped}; they are dead letters`,
        }];
      });
    },
  },
  {
    name: "VabusMassRefused",
    severity: "critical",
    summary: "a mass of events is refused",
    forMs: MINUTE_MS,
    find: ({ refusalAlarms }) =>
      refusalAlarms.filter(({ reason }) => reason !== LATE_DATA).map(({ detail, reason, since }) => ({
        labels: { alarm: refusalAlarmName(reason) },
        detail,
        sinceMs: since * 1000,
      })),
  },
  {
    name: "VabusLateData",
    severity: "warning",
    summary: "late data",
    forMs: MINUTE_MS,
    find: ({ refusalAlarms }) =>
      refusalAlarms.filter(({ reason }) => reason === LATE_DATA).map(({ detail, since }) => ({
        labels: {},
        detail,
        sinceMs: since * 1000,
      })),
  },
  {
    name: "VabusEventsLost",
    severity: "critical",
    summary: "events were lost at a bus",
    forMs: 0,
    find: (_, past) => {
      const lost = past.increase(VabusEventsLost.withinSeconds * 1000, (figures) => figures.lost) ?? 0;
      return aboutHandler(
        lost > 0,
        () => `a bus has deleted ${amount(lost, "event")} unread`,
      );
    },
  },
];
