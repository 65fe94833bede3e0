/** A line of Influx line protocol. */
export interface InfluxLine {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: readonly InfluxField[];
  /** The text as written; undefined: there is none. */
  readonly timestamp: string | undefined;
  /** Measurement and tags as written. */
  readonly head: string;
}

export interface InfluxField {
  readonly name: string;
  /** The text as written: name, equals sign and value. */
  readonly text: string;
  readonly value: string;
}

/** Characters of the head at most: it is added to each dead letter of a field. */
const HEAD_MAX = 8192;

/** A text in quotes, which is no number. */
export function isInfluxText(value: string): boolean {
  return value.startsWith('"');
}

/** The value of a field as a number; else why it is none, as the rest of a sentence. */
export function influxNumber(value: string): number | string {
  if (/^(?:t|T|true|True|TRUE)$/.test(value)) return 1;
  if (/^(?:f|F|false|False|FALSE)$/.test(value)) return 0;
  const digits = /^[+-]?\d+(?=i$)/.exec(value)?.[0] ?? /^\d+(?=u$)/.exec(value)?.[0] ??
    /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.exec(value)?.[0];
  if (digits !== undefined) {
    const number = Number(digits);
    return Number.isFinite(number) ? number : "is not a finite number";
  }
  return /^[+-]?(?:nan|inf|infinity)$/i.test(value)
    ? `is ${value}, which is no finite number`
    : "is no number of line protocol, such as 21.5, 21i, 21u or true";
}

/**
 * The lines of a text; a line break in the text of a field does not end one. Comments and empty lines are
 * left out.
 */
export function* influxLines(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const end = lineEnd(text, start);
    const line = text.slice(start, end).trim();
    if (line !== "" && !line.startsWith("#")) yield line;
    start = end + 1;
  }
}

function lineEnd(text: string, start: number): number {
  const isComment = text[start] === "#";
  let isQuoted = false;
  let isInFields = false;
  let isAfterEquals = false;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === "\n" && !isQuoted) return at;
    if (isComment) continue;
    if (character === "\\") at++;
    else if (character === '"' && isInFields) isQuoted = !isQuoted && isAfterEquals;
    else if (character === " " && at > start) isInFields = true;
    isAfterEquals = character === "=";
  }
  return text.length;
}

/** Parses a line, or says what is wrong with it. */
export function parseInfluxLine(line: string): InfluxLine | string {
  const headEnd = endOf(line, 0, " ");
  if (headEnd >= line.length) return "no fields: a line is MEASUREMENT,TAG=… FIELD=… TIMESTAMP";
  const head = line.slice(0, headEnd);
  if (head.length > HEAD_MAX) return `measurement and tags of more than ${HEAD_MAX} characters`;
  const [measurement = "", ...tagTexts] = split(head, ",");
  if (measurement === "") return "no measurement";
  const tags: Record<string, string> = Object.create(null);
  for (const text of tagTexts) {
    const [key = "", value, ...more] = split(text, "=");
    if (key === "" || value === undefined || value === "" || more.length > 0) {
      return `the tag ${shown(text)} is not TAG=VALUE`;
    }
    tags[unescaped(key)] = unescaped(value);
  }
  let at = headEnd;
  while (line[at] === " ") at++;
  const fieldsEnd = endOf(line, at, " ", true);
  const fields: InfluxField[] = [];
  for (const text of split(line.slice(at, fieldsEnd), ",", true)) {
    const equals = endOf(text, 0, "=");
    const [name, value] = [text.slice(0, equals), text.slice(equals + 1)];
    if (name === "" || value === "") {
      const isDecimals = fields.length > 0 && /^\d+$/.test(text);
      const hint = isDecimals ? "; decimals stand behind a point, and a comma begins the next field" : "";
      return `the field ${shown(text)} is not FIELD=VALUE${hint}`;
    }
    if (isInfluxText(value) && !/^"(?:[^"\\]|\\.)*"$/s.test(value)) {
      return `the field ${shown(text)} has a quote that does not end`;
    }
    fields.push({ name: unescaped(name), text, value });
  }
  const rest = line.slice(fieldsEnd).trim();
  if (rest !== "" && !/^-?\d+$/.test(rest)) return `the timestamp ${shown(rest)} is no whole number`;
  return {
    measurement: unescaped(measurement),
    tags,
    fields,
    timestamp: rest === "" ? undefined : rest,
    head,
  };
}

/**
 * Index of the first such character without a backslash before it, from `start` on; else the end of the text.
 *
 * @param hasQuotes Whether the text of a field may have it. Such a text begins with a quote after an equals
 * sign.
 */
function endOf(text: string, start: number, character: string, hasQuotes = false): number {
  let isQuoted = false;
  let isAfterEquals = false;
  for (let at = start; at < text.length; at++) {
    const one = text[at];
    if (one === character && !isQuoted) return at;
    if (one === "\\") at++;
    else if (hasQuotes && one === '"') isQuoted = !isQuoted && isAfterEquals;
    isAfterEquals = one === "=";
  }
  return text.length;
}

function split(text: string, separator: string, hasQuotes = false): string[] {
  const parts: string[] = [];
  for (let start = 0; start <= text.length;) {
    const end = endOf(text, start, separator, hasQuotes);
    parts.push(text.slice(start, end));
    start = end + 1;
  }
  return parts;
}

/** A backslash means itself, unless a comma, a space or an equals sign follows it. */
function unescaped(text: string): string {
  return text.includes("\\") ? text.replace(/\\([, =])/g, "$1") : text;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
