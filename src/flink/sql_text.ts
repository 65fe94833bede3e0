/** The spelling of Flink SQL. */

const DAY_MS = 86_400_000;
const UNITS = [["DAY", DAY_MS], ["HOUR", 3_600_000], ["MINUTE", 60_000], ["SECOND", 1000]] as const;
/** The digits before the unit that need no precision. */
const UNIT_MAX = 99;

/** A text as a literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** How a secret of a statement may stand in what Flink says about it: escaped, and on one line. */
export function formsOf(secret: string): string[] {
  const inQuotes = secret.replaceAll(/["\\]/g, "\\$&");
  const forms = [secret, inQuotes, secret.replaceAll("'", "''"), inQuotes.replaceAll("'", "''")];
  return [...new Set([...forms, ...forms.map((form) => form.replaceAll(/\s+/g, " ").trim())])];
}

/** A name of a table or column, which may be a word of the language too. */
export function quoted(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

/** A length of time, ms. */
export function interval(ms: number): string {
  for (const [unit, size] of UNITS) {
    if (ms % size === 0 && ms > 0 && ms / size <= UNIT_MAX) return `INTERVAL '${ms / size}' ${unit}`;
  }
  const days = Math.floor(ms / DAY_MS);
  const clock = new Date(ms % DAY_MS).toISOString().slice(11, 23);
  return `INTERVAL '${days} ${clock}' DAY(6) TO SECOND(3)`;
}

/** A length of time as a value of a setting, ms. */
export function duration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
}

/** A condition on a column, for a pattern in which `*` stands for any characters. */
export function matches(column: string, pattern: string): string {
  if (!pattern.includes("*")) return `${column} = ${literal(pattern)}`;
  const like = pattern.replaceAll(/[!%_]/g, "!$&").replaceAll(/\*+/g, "%");
  return `${column} LIKE ${literal(like)}${like.includes("!") ? " ESCAPE '!'" : ""}`;
}

/** Sentences as comments, in lines that are not too long. */
export function comment(...sentences: readonly string[]): string {
  return sentences.flatMap((sentence) => wrapped(sentence)).map((line) => `-- ${line}`.trimEnd()).join("\n");
}

const COMMENT_WIDTH = 100;

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  // A line break within would end the comment, and the rest would be read as SQL.
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + word.length >= COMMENT_WIDTH) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** The clause WITH of a table. */
export function withClause(options: readonly (readonly [name: string, value: string])[]): string {
  return `WITH (\n${options.map(([name, value]) => `  ${literal(name)} = ${literal(value)}`).join(",\n")}\n)`;
}
