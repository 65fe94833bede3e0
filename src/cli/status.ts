import { isRunningIn, type Status, statusIn } from "../control/status.ts";
import { statusReport } from "../control/status_record.ts";
import { BOOK_ENTRIES } from "../aggregation/event_books.ts";
import type { Counts } from "../state/checkpoint/counts.ts";
import { told } from "../state/alarms.ts";
import { pauseInWords } from "../state/pauses.ts";
import { listed } from "../ingest/listed.ts";
import type { Registry } from "../runtime/registry.ts";
import { shareInWords } from "../settings/share.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { sizeInWords } from "./glance_words.ts";
import { printable } from "../platform/log/printable.ts";

type Line = [label: string, text: string];

const SHOWN_WINDOWS = 5;

export interface StatusOptions {
  readonly json: boolean;
  readonly audit: boolean;
  readonly url: string | undefined;
  readonly watch: boolean;
}

/** Prints what the state holds, once or again and again. */
export async function status(context: CommandContext, options: StatusOptions): Promise<ExitCode> {
  const { audit, json, url, watch } = options;
  if (watch && (json || audit)) {
    throw new CommandError(
      EXIT.usage,
      `--watch does not go with ${json ? "--json" : "--audit"}. For programs, ask /api/pipeline.`,
    );
  }
  if (!watch && url !== undefined) throw new CommandError(EXIT.usage, "--url goes with --watch only.");
  return watch ? await (await import("./status_watch.ts")).watchStatus(context, url) : once(context, options);
}

function once({ config, registry, write }: CommandContext, { audit, json }: StatusOptions): ExitCode {
  const found = statusIn(config.stateDir, Date.now(), audit);
  const isRunning = isRunningIn(config.stateDir);
  write(
    json
      ? `${JSON.stringify(statusReport(found, isRunning), undefined, 2)}\n`
      : text(found, isRunning, registry),
  );
  return EXIT.done;
}

/**
 * The lines of a bus: of each partition its position and its newest event, and which have gone away or were
 * given to other instances.
 */
function busLines(nowMs: number, registry: Registry): (bus: Status["buses"][number]) => Line[] {
  return ({ address, isConfigured, name, partitions }) => {
    if (!isConfigured) return [["bus", `${name}: not configured any more; where it was read to is kept`]];
    const given: string[] = [];
    const kept = partitions.filter(({ partition, position }) => {
      const to = position === undefined ? undefined : registry.readingOf(address, position)?.givenTo;
      if (to !== undefined) given.push(`${partition} to ${shareInWords(to)}`);
      return to === undefined;
    });
    const gone = kept.filter(({ isGone }) => isGone).length;
    const lines = kept.filter(({ isGone }) => !isGone).map(
      ({ partition, position, nextOffset, newestEventMs }): Line => {
        const where = partition === "" ? name : `${name} partition ${partition}`;
        const kind = position !== undefined && nextOffset === undefined ? "position" : "offset";
        return [
          "bus",
          `${where}: next ${kind} ${nextOffset ?? position ?? "not known"}, ` +
          `newest event ${moment(newestEventMs, nowMs)}`,
        ];
      },
    );
    if (given.length > 0) {
      const are = given.length === 1 ? "partition is" : "partitions are";
      lines.push(["bus", `${name}: ${given.length} ${are} given away: ${listed(given)}`]);
    }
    return gone === 0 ? lines : [...lines, [
      "bus",
      `${name}: ${gone} ${gone === 1 ? "partition that is" : "partitions that are"} gone; where they were ` +
      "read to is kept in case they come back",
    ]];
  };
}

/** Whether the handler is ready, and if not, why. */
function readiness({ causes }: Status, isRunning: boolean): Line[] {
  if (!isRunning || causes === undefined) return [];
  if (causes.length === 0) return [["ready", "yes"]];
  return causes.map(({ name, detail }) => ["NOT READY", `${name}: ${detail}`]);
}

function text(status: Status, isRunning: boolean, registry: Registry): string {
  const { counts, nowMs } = status;
  const [received, aggregated, ...others] = BOOK_ENTRIES;
  const lines: Line[] = [
    ["handler", `${status.instance}, ${isRunning ? "running" : "not running"}`],
    ...readiness(status, isRunning),
    ["state", `${status.stateFile}, ${sizeInWords(status.stateBytes)}`],
    ["checkpoint", moment(status.checkpointMs, nowMs)],
    ["watermark", moment(status.watermarkMs, nowMs)],
    ...status.buses.flatMap(busLines(nowMs, registry)),
    ...openWindows(status),
    ["outbox", waiting(status)],
    ...status.outages.map(({ subject, detail, sinceMs }): Line => [
      "FAILS",
      `${subject}, since ${iso(sinceMs)}: ${detail}`,
    ]),
    ...status.pauses.map((pause): Line => ["PAUSED", pauseInWords(pause)]),
    ...status.alarms.map((alarm): Line => ["ALARM", told(alarm)]),
    ["refused", deadLettersKept(status)],
    ...status.refusalAlarms.map(({ since, detail }): Line => [
      "ALARM",
      `since ${moment(since * 1000, nowMs)}: ${detail}`,
    ]),
    ...status.notes.map(({ detail }): Line => ["NOTE", detail]),
    [
      "events",
      `${counts[received]} received = ${counts[aggregated]} aggregated` +
      others.map((name) => name === "dropped" ? droppedInWords(counts) : ` + ${counts[name]} ${name}`).join(
        "",
      ),
    ],
    ...(counts.contributed === counts.aggregated ? [] : [functionsInWords(counts)]),
    [
      "",
      `${counts.lateArrivals} of them after their window had closed; ${counts.lost} lost at the bus` +
      (counts.unrouted === 0 ? "" : `; ${counts.unrouted} routed to no sink`),
    ],
    ...status.audit.map(({ atMs, who, action, detail, result }): Line => [
      "ordered",
      `${iso(atMs)} by ${who}: ${action} ${detail}: ${result ?? "not carried out yet"}`,
    ]),
  ];
  return lines.map(([label, line]) => `${label.padEnd(11)}${printable(line)}\n`).join("");
}

function droppedInWords({ dropped }: Counts): string {
  return dropped === 0 ? "" : ` + ${dropped} dropped by AGG_FUNCTIONS`;
}

function functionsInWords({ contributed }: Counts): Line {
  return [
    "",
    `the aggregated events count ${contributed} times, once for each of their functions and windows`,
  ];
}

function openWindows({ openByLength, windows }: Status): Line[] {
  const tiers = [...openByLength].map(([lengthMs, open]) => `${open} of ${lengthMs / 1000} s`);
  const hidden = windows.length - SHOWN_WINDOWS;
  return [
    ["windows", `${windows.length} open${tiers.length > 1 ? `: ${tiers.join(", ")}` : ""}`],
    ...windows.slice(0, SHOWN_WINDOWS).map(({ startMs, endMs, series, events }): Line => [
      "",
      `${iso(startMs)} + ${(endMs - startMs) / 1000} s: ${series} series, ${events} events`,
    ]),
    ...(hidden > 0 ? [["", `… and ${hidden} more`] as Line] : []),
  ];
}

function waiting({ outboxRows, waiting }: Status): string {
  if (outboxRows === 0) return `nothing waits for ${[...waiting.keys()].join(", ") || "any sink"}`;
  return `rows wait: ${[...waiting].map(([sink, rows]) => `${rows} for ${sink}`).join(", ")}`;
}

function deadLettersKept({ deadLetters, counts: { deadLettersDropped } }: Status): string {
  const parts = [...deadLetters].map(([reason, count]) => `${count} ${reason}`);
  const kept = parts.length === 0 ? "no dead letters" : `dead letters: ${parts.join(", ")}`;
  return deadLettersDropped === 0
    ? kept
    : `${kept}; ${deadLettersDropped} older ones dropped for lack of room`;
}

function moment(timeMs: number | undefined, nowMs: number): string {
  if (timeMs === undefined) return "not yet";
  const age = (nowMs - timeMs) / 1000;
  return `${iso(timeMs)} (${Math.abs(age).toFixed(1)} s ${age < 0 ? "ahead" : "ago"})`;
}

function iso(timeMs: number): string {
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? `${timeMs / 1000}` : date.toISOString();
}
