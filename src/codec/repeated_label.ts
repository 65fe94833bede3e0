/**
 * Whether the text of an event has a label twice. `JSON.parse` keeps only the last one.
 *
 * @param parsed The parsed event: an object with one valid set of labels.
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
      // The last one of several `labels` counts.
      isInLabels = JSON.parse(text.slice(start, at)) === "labels";
      if (isInLabels) count = 0;
    } else if (character === ":" && depth === 2 && isInLabels) count++;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
  }
  return count !== Object.keys((parsed as { labels: object }).labels).length;
}
