/**
 * Whether the text of an event has a label twice, of which `parsed`, what `JSON.parse` made of it, has only the last.
 *
 * @param parsed An object whose labels are one, of texts.
 */
export function hasLabelTwice(text: string, parsed: unknown): boolean {
  let depth = 0;
  let start = 0;
  let isInLabels = false;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      start = at;
      while (text[++at] !== '"') if (text[at] === "\\") at++;
    } else if (character === ":" && depth === 1) {
      // The last of several counts.
      isInLabels = JSON.parse(text.slice(start, at)) === "labels";
      if (isInLabels) count = 0;
    } else if (character === ":" && depth === 2 && isInLabels) count++;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
  }
  return count !== Object.keys((parsed as { labels: object }).labels).length;
}
