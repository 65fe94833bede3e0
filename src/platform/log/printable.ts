/** Controls (C0, DEL, C1), formats such as a change of direction, separators of lines, and halves of characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** The same without those that make lines and columns. */
const UNPRINTABLE_IN_LINES = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** A longer one helps nobody, and comes from outside. */
const MESSAGE_MAX_CHARACTERS = 4000;

/** One line of text from outside, with everything escaped that could steer a terminal or begin another line. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/**
 * Lines of text, with everything escaped that could steer a terminal. Where it is JSON, it stays the same JSON: its own line
 * breaks are white space, and what is escaped can stand only in its strings.
 */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLE_IN_LINES, escaped);
}

/** A message with words of somebody else's in it, as a single line of bounded length. */
export function oneLine(message: string): string {
  const line = message.replace(/\s*[\r\n\u2028\u2029]+\s*/g, " ");
  if (line.length <= MESSAGE_MAX_CHARACTERS) return line;
  return `${line.slice(0, MESSAGE_MAX_CHARACTERS)}… (${
    line.length - MESSAGE_MAX_CHARACTERS
  } more characters)`;
}

/** As JSON has it, `\u001b`; of those beyond the first plane, both halves. */
function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
  ).join("");
}
