/**
 * JavaScript in which each character beyond ASCII is written as an escape. It means the same, since the
 * bundler has escaped those in strings and names already, so that the others are in comments and patterns.
 *
 * @throws {Error} A template has one whose raw text counts: there an escape would be other text.
 */
export function inAscii(text: string): string {
  const raw = /String\.raw`[^`]*[\u0080-\uffff]/.exec(text);
  if (raw !== null) throw new Error(`write this in ASCII, which a start is quicker to read: ${raw[0]}`);
  return text.replace(/(\\*)([\u0080-\uffff])/g, (_, slashes: string, unit: string) => {
    // In a pattern a backslash may stand before any character, and would make a text of the escape.
    const kept = slashes.length % 2 === 1 ? slashes.slice(1) : slashes;
    return `${kept}\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
