/** A variable that an env file sets. */
export interface EnvVariable {
  readonly name: string;
  readonly value: string;
  /** Counted from 1. */
  readonly line: number;
}

/** A line that was not understood. It never contains text of the line, except the name. */
export interface EnvFault {
  readonly line: number;
  /** The name; undefined where it cannot be told from the rest of the line. */
  readonly name: string | undefined;
  /** What is wrong, as the rest of a sentence whose subject is the line or the variable. */
  readonly problem: string;
}

export interface EnvFile {
  readonly variables: readonly EnvVariable[];
  readonly faults: readonly EnvFault[];
}

/**
 * The text before the `=`: a name, perhaps after `export` as shells want it, and perhaps with spaces around
 * it.
 */
const NAME = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)([ \t]*)$/;
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
const COMMENT_BEHIND =
  "has a comment behind its value, which systemd and Docker take as part of the value; " +
  "put the comment on a line of its own";
const SINGLE_QUOTES = "; put the value in single quotes, where nothing is replaced";

/**
 * Reads a file of `NAME=value` lines.
 *
 * The same file may also be read by systemd (`EnvironmentFile=`), by Docker (`--env-file`) or by a shell (`.
 * file`), which have different rules. A line that is accepted here means the same to all of them that accept
 * it, with three harmless exceptions: Docker takes quotes as a part of the value, systemd ignores a line with
 * `export`, and a shell needs quotes around spaces and other special characters. A line that they would
 * silently read differently is a fault.
 *
 * @param isOurs Whether a variable is ours. Of any other, only the end of its value on the same line is
 * checked.
 */
export function readEnvFile(text: string, isOurs: (name: string) => boolean): EnvFile {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const encodingFault = faultOfEncoding(lines);
  if (encodingFault !== undefined) return { variables: [], faults: [encodingFault] };
  const variables: EnvVariable[] = [];
  const faults: EnvFault[] = [];
  for (const [index, content] of lines.entries()) {
    const read = readLine(content, isOurs);
    if (read === undefined) continue;
    const line = index + 1;
    if ("problem" in read) faults.push({ line, name: read.name, problem: read.problem });
    else variables.push({ line, ...read });
  }
  return { variables, faults };
}

function faultOfEncoding(lines: readonly string[]): EnvFault | undefined {
  const index = lines.findIndex((line) => /[\0\uFFFD]/.test(line));
  if (index < 0) return undefined;
  const problem = lines[index]!.includes("\0")
    ? "has a NUL character in it, as a file in UTF-16 has; save the file as UTF-8"
    : "is not UTF-8; save the file as UTF-8";
  return { line: index + 1, name: undefined, problem };
}

/** Undefined: the line is empty or a comment. */
function readLine(
  line: string,
  isOurs: (name: string) => boolean,
): { name: string; value: string } | { name: string | undefined; problem: string } | undefined {
  const isComment = /^[ \t]*[#;]/.test(line);
  if (isComment && line.endsWith("\\")) {
    return {
      name: undefined,
      problem: "is a comment that ends in a backslash; older systemd takes the next line as a part of it",
    };
  }
  if (isComment || /^[ \t]*$/.test(line)) return undefined;
  const equals = line.indexOf("=");
  if (equals < 0) return { name: undefined, problem: "has no =; a line is NAME=value, or a comment after #" };
  const [, name, space] = NAME.exec(line.slice(0, equals)) ?? [];
  if (name === undefined) {
    return {
      name: undefined,
      problem: "has no name of letters, digits and _ before its =; a line is NAME=value",
    };
  }
  if (space !== "") return { name, problem: "has a space before its =, which Docker and shells refuse" };
  const value = readValue(line.slice(equals + 1));
  if (typeof value === "string") return { name, value };
  return isOurs(name) || value.isOpen ? { name, problem: value.problem } : { name, value: "" };
}

interface ValueFault {
  readonly problem: string;
  /** Whether other readers continue the value on the next line. */
  readonly isOpen?: boolean;
}

function readValue(raw: string): string | ValueFault {
  if (CONTROL.test(raw)) return { problem: "has a control character in its value" };
  const text = raw.replace(/^[ \t]+|[ \t]+$/g, "");
  if (text === "") return "";
  if (/^#([ \t]|$)/.test(text)) return { problem: COMMENT_BEHIND };
  if (/^[ \t]/.test(raw)) {
    return { problem: "has a space behind its =, which Docker takes as part of the value" };
  }
  if (text.startsWith("'")) return readQuoted(text, /^'([^']*)'(.*)$/);
  if (text.startsWith('"')) return readQuoted(text, /^"((?:[^"\\]|\\.)*)"(.*)$/);
  return readPlain(text);
}

function readQuoted(text: string, form: RegExp): string | ValueFault {
  const [, inside, behind] = form.exec(text) ?? [];
  if (inside === undefined || behind === undefined) {
    return { problem: "has a quote that does not end on its line", isOpen: true };
  }
  if (/^[ \t]+#/.test(behind)) return { problem: COMMENT_BEHIND };
  if (behind !== "") return { problem: "has text behind its closing quote" };
  if (text.startsWith("'")) return inside;
  return isReplaced(inside.replace(/\\./g, "")) ? REPLACED : inside.replace(/\\(["\\`$])/g, "$1");
}

function readPlain(text: string): string | ValueFault {
  if (/[ \t]#/.test(text)) return { problem: COMMENT_BEHIND };
  if (text.endsWith("\\")) {
    return { problem: "ends in a backslash; write the value on one line", isOpen: true };
  }
  if (text.includes("\\")) {
    return { problem: `has a backslash, which systemd and shells take away${SINGLE_QUOTES}` };
  }
  if (/['"]/.test(text)) {
    return { problem: "has a quote in its middle; put the whole value in quotes of the other kind" };
  }
  return isReplaced(text) ? REPLACED : text;
}

const REPLACED: ValueFault = {
  problem: `has a $ or a backtick, which shells and Compose replace${SINGLE_QUOTES}`,
};

function isReplaced(text: string): boolean {
  return /`|\$[A-Za-z0-9_{(@*#?$!-]/.test(text);
}
