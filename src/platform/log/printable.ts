/**
 * Control characters (C0, DEL, C1), format characters such as a change of direction, line separators, and
 * halves of surrogate pairs.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** Has none of them. It takes less time to see that, and nearly all text is so. */
const PLAIN = /^[ -~]*$/;
/** As {@link UNPRINTABLE}, without those that make lines and columns. */
const UNPRINTABLE_IN_LINES = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const PLAIN_LINES = /^[\n\t -~]*$/;
/** Longer text comes from outside and helps nobody. */
const MESSAGE_MAX_CHARACTERS = 4000;

/**
 * Text from outside as one line: everything that could control a terminal or begin another line is escaped.
 */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNPRINTABLE, escaped);
}

/**
 * Lines of text: everything that could control a terminal is escaped. JSON stays the same JSON: its own line
 * breaks are white space, and characters that are escaped occur only in its strings.
 */
export function printableLines(text: string): string {
  return PLAIN_LINES.test(text) ? text : text.replace(UNPRINTABLE_IN_LINES, escaped);
}

/** A message that has text from outside in it, as a single line of bounded length. */
export function oneLine(message: string): string {
  const line = message.replace(/\s*[\r\n\u2028\u2029]+\s*/g, " ");
  if (line.length <= MESSAGE_MAX_CHARACTERS) return line;
  return `${line.slice(0, MESSAGE_MAX_CHARACTERS)}… (${
    line.length - MESSAGE_MAX_CHARACTERS
  } more characters)`;
}

/** Escapes as in JSON, `\u001b`; characters beyond the first plane as both halves. */
function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
  ).join("");
}
