import { printable } from "../platform/log/printable.ts";

/** One thing that is wrong with the flags or the configuration. Never holds a secret. */
export interface Fault {
  /** The variable, flag or argument at fault. */
  readonly subject: string;
  /** Where the value came from; undefined when there is none. */
  readonly origin?: string | undefined;
  /** The value as it was given; undefined when it is secret or there is none. */
  readonly value?: string | undefined;
  /** What is wrong, as the rest of a sentence whose subject is the subject: `is not a number`. */
  readonly problem: string;
  /** Whether something is only missing, or a file of it cannot be read here. */
  readonly isAbsence?: boolean;
  /** What would be right. */
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

function lineOf({ subject, origin, value, problem, allowed }: Fault): string {
  const given = value === undefined ? "" : `=${JSON.stringify(shortened(value))}`;
  const from = origin === undefined ? "" : ` (${origin})`;
  const advice = allowed === undefined ? "" : ` Allowed: ${allowed}.`;
  return printable(`${subject}${given}${from} ${problem}${/[.?]$/.test(problem) ? "" : "."}${advice}`);
}

/** Its first line only: on those after it, a quote that does not end may have brought in another variable, with its secret. */
function shortened(value: string): string {
  const [line] = value.split(/[\r\n]/, 1) as [string];
  if (line !== value) return `${line.slice(0, SHOWN_CHARACTERS)}…`;
  return value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}…` : value;
}
