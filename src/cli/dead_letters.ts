import { toRecord } from "../aggregation/aggregate.ts";
import {
  allDeadLetters,
  deadLetters,
  newestDeadLetters,
  settleDeadLetters,
} from "../control/dead_letters.ts";
import { deadLetterRecord, textOf } from "../control/dead_letter_record.ts";
import type { DeadLetter, DeadLetterRequest } from "../state/letters/dead_letters.ts";
import type { DeadLetterReason } from "../state/letters/dead_letter_reason.ts";
import type { CommandContext } from "./command.ts";
import { operator } from "./operator.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { printable } from "../platform/log/printable.ts";

export interface ListOptions {
  readonly reason: DeadLetterReason | undefined;
  /** A pattern of names. */
  readonly name: string;
  readonly limit: number;
  readonly json: boolean;
}

export interface SelectOptions {
  readonly reason: DeadLetterReason | undefined;
  readonly ids: readonly number[];
  readonly all: boolean;
}

const RAW_SHOWN = 100;

/** Prints the newest dead letters, newest first. */
export function list(
  { config, write }: CommandContext,
  { reason, name, limit, json }: ListOptions,
): Promise<ExitCode> {
  const newest = newestDeadLetters(config.stateDir, { reason, name }, limit);
  if (json) {
    write(
      `${
        JSON.stringify(
          newest.map((deadLetter) => deadLetterRecord(deadLetter, config.instanceId)),
          undefined,
          2,
        )
      }\n`,
    );
  } else if (newest.length === 0) write("no dead letters\n");
  else for (const deadLetter of newest) write(`${describe(deadLetter)}\n`);
  return Promise.resolve(EXIT.done);
}

/** Prints all of them as JSON lines, oldest first. */
export function exportLines(
  { config, write, signal }: CommandContext,
  { reason }: Pick<ListOptions, "reason">,
): Promise<ExitCode> {
  for (const deadLetter of allDeadLetters(config.stateDir, reason)) {
    signal.throwIfAborted();
    write(`${JSON.stringify(deadLetterRecord(deadLetter, config.instanceId))}\n`);
  }
  return Promise.resolve(EXIT.done);
}

/** Retries refused events and aggregates. */
export function retry(context: CommandContext, options: SelectOptions): Promise<ExitCode> {
  return Promise.resolve(settle(context, "retry", options));
}

/** Purges dead letters. */
export function purge(context: CommandContext, options: SelectOptions): Promise<ExitCode> {
  return Promise.resolve(settle(context, "purge", options));
}

function settle(
  { config, logger, write }: CommandContext,
  action: DeadLetterRequest["action"],
  { reason, ids, all }: SelectOptions,
): ExitCode {
  if (reason === undefined && ids.length === 0 && !all) {
    throw new CommandError(EXIT.usage, `dead-letters ${action} needs --id, --reason or --all.`);
  }
  const order = {
    action,
    reason,
    ids: ids.length > 0 ? ids : undefined,
    choice: inWords({ reason, ids, all }),
  };
  const { chosen, settled } = settleDeadLetters(operator(), order, config, logger);
  if (chosen === 0) write("no dead letter matches\n");
  else if (settled === undefined) {
    write(
      `${deadLetters(chosen)} handed to the running handler, which ${
        DOES[action]
      } with its next checkpoints\n`,
    );
  } else {
    const { purged, retried, refusedAnew } = settled;
    write(
      `${
        action === "purge" ? `${deadLetters(purged)} purged` : retrySummary(chosen, retried, refusedAnew)
      }\n`,
    );
  }
  return EXIT.done;
}

const DOES = { retry: "takes them in again", purge: "throws them away" };

function retrySummary(chosen: number, retried: number, refusedAnew: number): string {
  const parts = [
    `${deadLetters(retried)} taken in again`,
    refusedAnew > 0 && `${refusedAnew} of them refused again, for what is still wrong`,
    retried < chosen && `${deadLetters(chosen - retried)} cannot be taken in again and stay`,
  ];
  return parts.filter(Boolean).join("; ");
}

function inWords({ reason, ids, all }: SelectOptions): string {
  const words = [reason && `--reason ${reason}`, ...ids.map((id) => `--id ${id}`), all && "--all"];
  return words.filter(Boolean).join(" ");
}

/** A dead letter as one line for a terminal. No text from outside can control the terminal. */
function describe(deadLetter: DeadLetter): string {
  const time = new Date(deadLetter.refusedAtMs).toISOString();
  const [from, what] = deadLetter.aggregate
    ? [
      deadLetter.sink === undefined ? "" : `sink ${deadLetter.sink}`,
      JSON.stringify(toRecord(deadLetter.aggregate, "")),
    ]
    : [
      whereabouts(deadLetter),
      shownBytes(deadLetter.raw!),
    ];
  const shown = what.length > RAW_SHOWN ? `${what.slice(0, RAW_SHOWN)}…` : what;
  return printable(
    `#${deadLetter.id}  ${time}  ${deadLetter.reason}: ${deadLetter.detail}  [${from}]  ${shown}`,
  );
}

/** Where an event was at its bus. */
function whereabouts({ bus, partition, offset, origin: { path, topic } }: DeadLetter): string {
  if (path !== undefined) return `${bus} ${path} @ byte ${offset}`;
  return `${bus}${partition && ` ${partition}`} @ ${offset ?? topic ?? "queue"}`;
}

/** The bytes as text. Where they are not UTF-8, each byte beyond ASCII is shown as `\xfc`. */
function shownBytes(raw: Uint8Array): string {
  return textOf(raw) ?? Array.from(
    raw.subarray(0, RAW_SHOWN + 1),
    (byte) => byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`,
  ).join("");
}
