/** A count with its noun, as people read it: `1 event`, `12,345 events`, `2 entries`. */
export function amount(count: number, noun: string, nouns = `${noun}s`): string {
  const rounded = Math.round(count);
  return `${rounded.toLocaleString("en")} ${rounded === 1 ? noun : nouns}`;
}
