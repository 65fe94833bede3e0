/**
 * Characters that an editor does not show: control characters besides tab and line feed, and characters that
 * only format others, besides the joiner of emoji (U+200D). A source with one does not do what it seems to
 * say.
 */
const HIDDEN = /[[\p{Cc}\p{Cf}]--[\t\n\u200d]]/gv;

/** Hidden characters of a file, as `file:line: what is wrong`. */
export function hiddenFaults(path: string, text: string): string[] {
  return text.split("\n").flatMap((line, index) =>
    [...line.matchAll(HIDDEN)].map(([character]) => {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
      return `${path}:${index + 1}: has the hidden character U+${code}; write it as an escape`;
    })
  );
}
