/** How the benchmarks tell their figures: Markdown to the output, progress to the errors. */
/** By nearest rank: of two values the lower one. */
export function median(values: readonly number[]): number {
  return quantile([...values].sort((a, b) => a - b), 0.5);
}

/** By nearest rank. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(Math.ceil(q * sorted.length) - 1, 0)]!;
}

/** Median (least to greatest), milliseconds. */
export function spreadMs(values: readonly number[]): string {
  const [least, greatest] = [Math.min(...values), Math.max(...values)].map(Math.round);
  return `${Math.round(median(values))} ms (${least} to ${greatest})`;
}

/** The count with a comma between thousands. */
export function grouped(count: number): string {
  return count.toLocaleString("en");
}

/** How far it is, for whoever waits for the table. */
export function note(text: string): void {
  console.error(text);
}

/** Prints a part of the report. A heading gets an empty line before it. */
export function say(markdown: string): void {
  console.log(markdown.replace(/^## /, "\n## "));
}
