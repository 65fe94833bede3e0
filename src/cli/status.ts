import { AUDIT_MAX_LINES } from "../state/audit.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { StateLock } from "../state/file/state_lock.ts";
import { readStatus, type StatusReport } from "../state/status_report.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { printable } from "../platform/log/printable.ts";

const SHOWN_WINDOWS = 5;

/** Prints what the state holds. */
export function status(
  { config, write }: CommandContext,
  { json, audit }: { readonly json: boolean; readonly audit: boolean },
): Promise<ExitCode> {
  const state = StateDatabase.openForReading(config.stateDir);
  try {
    const report = audit ? readStatus(state, AUDIT_MAX_LINES) : readStatus(state);
    const isRunning = StateLock.isHeld(config.stateDir);
    write(
      json
        ? `${JSON.stringify({ running: isRunning, ...report }, undefined, 2)}\n`
        : text(report, isRunning, Date.now() / 1000),
    );
    return Promise.resolve(EXIT.done);
  } finally {
    state.close();
  }
}

function text(report: StatusReport, isRunning: boolean, now: number): string {
  const { accounting, dead_letters: deadLetters, open_windows: windows, outbox } = report;
  const refused = ["duplicate", "invalid", "future", "late", "overflow"];
  const lines: [label: string, text: string][] = [
    ["handler", `${report.instance}, ${isRunning ? "running" : "not running"}`],
    ["state", `${report.state_file}, ${(report.state_bytes / 1024 / 1024).toFixed(1)} MB`],
    ["checkpoint", moment(report.checkpoint_at, now)],
    ["watermark", moment(report.watermark, now)],
    ...report.buses.map((bus): [string, string] => [
      "bus",
      `${bus.name}: next offset ${bus.next_offset ?? "not known"}, newest event ${
        moment(bus.greatest_event_time, now)
      }`,
    ]),
    ["windows", `${windows.length} open`],
    ...windows.slice(0, SHOWN_WINDOWS).map((window): [string, string] => [
      "",
      `${iso(window.window_start)} + ${
        window.window_end - window.window_start
      } s: ${window.series} series, ` +
      `${window.events} events`,
    ]),
    ...(windows.length > SHOWN_WINDOWS
      ? [["", `… and ${windows.length - SHOWN_WINDOWS} more`] as [string, string]]
      : []),
    ["outbox", waiting(outbox)],
    ...report.outages.map(({ place, detail, since }): [string, string] => [
      "FAILS",
      `${place}, since ${iso(since)}: ${detail}`,
    ]),
    ...report.alarms.map((alarm): [string, string] => [
      "ALARM",
      `${alarm.sink}, since ${
        iso(alarm.since)
      }: ${alarm.detail} (${alarm.rows} rows at least). What to do: ${alarm.way_out}`,
    ]),
    ["refused", deadLettersKept(deadLetters)],
    ...report.refusal_alarms.map((alarm): [string, string] => [
      "ALARM",
      `since ${moment(alarm.since, now)}: ${alarm.detail}`,
    ]),
    [
      "events",
      `${accounting.received} received = ${accounting.aggregated} aggregated` +
      refused.map((entry) => ` + ${accounting[entry]} ${entry}`).join("") +
      (accounting.dropped === 0 ? "" : ` + ${accounting.dropped} dropped by AGG_FUNCTIONS`),
    ],
    ...(accounting.contributed === accounting.aggregated ? [] : [functionsInWords(accounting)]),
    [
      "",
      `${accounting.late_arrivals} of them after their window had closed; ${accounting.lost} lost at the bus`,
    ],
    ...report.audit.map(({ at, who, action, detail, result }): [string, string] => [
      "ordered",
      `${iso(at)} by ${who}: ${action} ${detail}: ${result ?? "not carried out yet"}`,
    ]),
  ];
  return lines.map(([label, line]) => `${label.padEnd(11)}${printable(line)}\n`).join("");
}

function functionsInWords({ contributed }: StatusReport["accounting"]): [label: string, text: string] {
  return ["", `the aggregated events count ${contributed} times, once for each of their functions`];
}

function waiting({ rows, sinks }: StatusReport["outbox"]): string {
  if (rows === 0) return `nothing waits for ${sinks.map(({ name }) => name).join(", ") || "any sink"}`;
  return `rows wait: ${sinks.map((sink) => `${sink.waiting} for ${sink.name}`).join(", ")}`;
}

function deadLettersKept({ by_reason: reasons, dropped }: StatusReport["dead_letters"]): string {
  const parts = Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`);
  const kept = parts.length === 0 ? "no dead letters" : `dead letters: ${parts.join(", ")}`;
  return dropped === 0 ? kept : `${kept}; ${dropped} older ones dropped for lack of room`;
}

function moment(seconds: number | null, now: number): string {
  if (seconds === null) return "not yet";
  const age = now - seconds;
  return `${iso(seconds)} (${Math.abs(age).toFixed(1)} s ${age < 0 ? "ahead" : "ago"})`;
}

function iso(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds}` : date.toISOString();
}
