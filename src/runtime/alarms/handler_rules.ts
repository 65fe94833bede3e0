import { spanInWords } from "../../ingest/span_in_words.ts";
import type { DiskSpace } from "../../platform/process/machine_usage.ts";
import { causesOf } from "../readiness.ts";
import { amount } from "../../platform/log/amount.ts";
import { aboutHandler, type AlarmRule, type Finding, inPercent, MINUTE_MS } from "./alarm_rule.ts";
import { THRESHOLDS } from "./thresholds.ts";
import type { Lookback } from "./recent_figures.ts";

const DROPPED_MS = THRESHOLDS.VabusDeadLettersDropped.withinSeconds * 1000;
const CERTIFICATE_MS = THRESHOLDS.VabusCertificateEnds.remainingSeconds * 1000;
const SENDS_MS = THRESHOLDS.VabusMetricSendsFail.withinSeconds * 1000;

/** The handler as a whole, its state and its dead letters. */
export const HANDLER_RULES: readonly AlarmRule[] = [
  {
    name: "VabusNotReady",
    severity: "critical",
    summary: "the handler is not ready",
    forMs: 5 * MINUTE_MS,
    find: (overview) => {
      const causes = causesOf(overview);
      return aboutHandler(
        causes.length > 0,
        // The alarms of the parts have the details.
        () => [...new Set(causes.map(({ name }) => name.replaceAll("_", " ")))].join(", "),
      );
    },
  },
  {
    name: "VabusDeadLettersNearBound",
    severity: "warning",
    summary: "dead letters are near their bound",
    forMs: 5 * MINUTE_MS,
    find: ({ deadLetters }) => {
      if (deadLetters === undefined) return [];
      const { bound, bounded } = deadLetters;
      const share = Math.max(bounded.deadLetters / bound.deadLetters, bounded.bytes / bound.bytes);
      return aboutHandler(
        share > THRESHOLDS.VabusDeadLettersNearBound.share,
        () => `they fill ${inPercent(share)} of their bound; the oldest ones beyond it are dropped`,
      );
    },
  },
  {
    name: "VabusDeadLettersDropped",
    severity: "critical",
    summary: "dead letters are dropped",
    forMs: 0,
    find: (_, past) => {
      const dropped = past.increase(DROPPED_MS, (figures) => figures.deadLettersDropped) ?? 0;
      return aboutHandler(
        dropped > 0,
        () => `${amount(dropped, "dead letter")} dropped in a quarter of an hour, oldest first`,
      );
    },
  },
  {
    name: "VabusStateNotWritable",
    severity: "critical",
    summary: "the state cannot be written",
    forMs: MINUTE_MS,
    find: (overview) =>
      causesOf(overview).filter(({ name }) => name.startsWith("state_")).map(({ detail, name }): Finding => ({
        labels: { cause: name },
        detail,
      })),
  },
  {
    name: "VabusDiskFills",
    severity: "warning",
    summary: "the disk of the state fills",
    forMs: 10 * MINUTE_MS,
    find: ({ machine }, past) => {
      const disk = machine?.disk;
      return disk === undefined ? [] : aboutHandler(
        isFilling(disk, past),
        () =>
          `the file system of STATE_DIR has ${
            Math.round(disk.freeBytes / 1e6).toLocaleString("en")
          } MB left ` +
          `(${inPercent(disk.freeBytes / disk.sizeBytes)})`,
      );
    },
  },
  {
    name: "VabusClockWrong",
    severity: "critical",
    summary: "the clock of the host is doubted",
    forMs: 2 * MINUTE_MS,
    find: (overview) => {
      const behind = causesOf(overview).find(({ name }) => name === "clock_behind");
      const detail = behind?.detail ?? overview.clockDoubt;
      return aboutHandler(detail !== undefined, () => detail!);
    },
  },
  {
    name: "VabusCertificateEnds",
    severity: "warning",
    summary: "a certificate ends soon",
    forMs: 30 * MINUTE_MS,
    find: ({ certificates, nowMs }) =>
      certificates.filter(({ endMs }) => endMs - nowMs < CERTIFICATE_MS).map((
        { endMs, setting },
      ): Finding => ({
        labels: { setting },
        detail: endMs > nowMs
          ? `it is valid for ${spanInWords(endMs - nowMs)} more`
          : `it has not been valid for ${spanInWords(nowMs - endMs)}`,
      })),
  },
  {
    name: "VabusMetricSendsFail",
    severity: "warning",
    summary: "metrics do not reach the bus",
    forMs: 10 * MINUTE_MS,
    find: (_, past) => {
      const failed = past.increase(SENDS_MS, ({ sendsFailed }) => sendsFailed) ?? 0;
      const done = past.increase(SENDS_MS, ({ sendsDone }) => sendsDone) ?? 0;
      return aboutHandler(
        failed > 0 && done === 0,
        () => "no send of metrics to the bus has succeeded for ten minutes; they are kept and sent later",
      );
    },
  },
];

/** Whether little is left, or will be within six hours by the trend of the last hour. */
function isFilling({ freeBytes, sizeBytes }: DiskSpace, past: Lookback): boolean {
  const than = THRESHOLDS.VabusDiskFills;
  const share = freeBytes / sizeBytes;
  if (freeBytes < than.freeBytes || share < than.freeShare) return true;
  const growth = past.slope(than.trendSeconds * 1000, ({ diskFreeBytes }) => diskFreeBytes) ?? 0;
  return freeBytes + growth * than.fullInSeconds < 0 && share < than.trendShare;
}
