import { printable } from "../platform/log/printable.ts";

/** A fault in the flags or the configuration. It never contains a secret. */
export interface Fault {
  /** The variable, flag or argument at fault. */
  readonly subject: string;
  /** Origin of the value; undefined: there is no value. */
  readonly origin?: string | undefined;
  /** The value as it was given; undefined: it is secret, or there is none. */
  readonly value?: string | undefined;
  /** What is wrong, as the rest of a sentence whose subject is the subject: `is not a number`. */
  readonly problem: string;
  /** Whether a value is only missing, or its file cannot be read on this machine. */
  readonly isAbsence?: boolean;
  /** The place of the fault in a text of the value. It is shown with a caret below it. */
  readonly pointed?: { readonly text: string; readonly at: number };
  /** The allowed values. */
  readonly allowed?: string | undefined;
}

/** Wrong usage or configuration. The message names every fault, for the operator. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly Fault[], advice?: string) {
    const title = faults.length === 1
      ? "1 fault in flags or settings:"
      : `${faults.length} faults in flags or settings:`;
    super([title, ...faults.map((fault) => `  ${lineOf(fault)}`), ...(advice ? [advice] : [])].join("\n"));
    this.name = "ConfigError";
  }
}

const SHOWN_CHARACTERS = 120;
const SHOWN_BEFORE = 60;

function lineOf({ subject, origin, value, problem, pointed, allowed }: Fault): string {
  const given = value === undefined ? "" : `=${JSON.stringify(shortened(value))}`;
  const from = origin === undefined ? "" : ` (${origin})`;
  const advice = allowed === undefined ? "" : ` Allowed: ${allowed}.`;
  const line = printable(`${subject}${given}${from} ${problem}${/[.?]$/.test(problem) ? "" : "."}${advice}`);
  return pointed === undefined ? line : `${line}\n${caret(pointed)}`;
}

/** The text, and a caret below the character that is meant. */
function caret({ text, at }: NonNullable<Fault["pointed"]>): string {
  const before = printable(text.slice(Math.max(0, at - SHOWN_BEFORE), at));
  const behind = printable(text.slice(at, at + SHOWN_CHARACTERS));
  return `      ${before}${behind}\n      ${" ".repeat(before.length)}^`;
}

/**
 * Only the first line is shown: behind an unclosed quote, the next lines may be another variable with its
 * secret.
 */
function shortened(value: string): string {
  const [line] = value.split(/[\r\n]/, 1) as [string];
  if (line !== value) return `${line.slice(0, SHOWN_CHARACTERS)}…`;
  return value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}…` : value;
}
