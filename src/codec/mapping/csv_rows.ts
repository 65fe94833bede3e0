/** A row of CSV (RFC 4180), with its range. */
export interface CsvRow {
  readonly cells: readonly string[];
  /** The text as written. */
  readonly text: string;
  /** Whether a quote in it does not end, so that the rest of the text belongs to it. */
  readonly isOpen: boolean;
}

const SEPARATORS = [",", ";", "\t", "|"];

/** The separator of a header: the usual one that occurs most often in it. */
export function separatorOf(text: string): string {
  const start = text.startsWith("\ufeff") ? 1 : 0;
  const lineEnd = text.indexOf("\n", start);
  const header = text.slice(start, lineEnd < 0 ? text.length : lineEnd).replaceAll(/"[^"]*"/g, "");
  const count = (separator: string) => header.split(separator).length;
  return SEPARATORS.reduce((best, next) => count(next) > count(best) ? next : best);
}

/** A row of these cells. */
export function csvText(cells: readonly string[], separator: string): string {
  return cells.map((cell) =>
    /["\r\n]/.test(cell) || cell.includes(separator) ? `"${cell.replaceAll('"', '""')}"` : cell
  )
    .join(separator);
}

/** The row that begins at `start`. */
export function rowAt(text: string, start: number, separator: string): CsvRow & { readonly end: number } {
  const cells: string[] = [];
  let at = start;
  let isOpen = false;
  for (;;) {
    let cell = "";
    if (text[at] === '"') {
      for (at++;;) {
        const quote = text.indexOf('"', at);
        cell += text.slice(at, quote < 0 ? text.length : quote);
        at = quote < 0 ? text.length : quote + 1;
        isOpen ||= quote < 0;
        if (quote < 0 || text[at] !== '"') break;
        cell += '"';
        at++;
      }
    }
    const begin = at;
    while (at < text.length && text[at] !== separator && text[at] !== "\n" && !isLineBreak(text, at)) at++;
    cells.push(cell + text.slice(begin, at));
    if (text[at] !== separator) break;
    at++;
  }
  const rowText = text.slice(start, at);
  if (text[at] === "\r") at++;
  if (text[at] === "\n") at++;
  return { cells, text: rowText, isOpen, end: at };
}

function isLineBreak(text: string, at: number): boolean {
  return text[at] === "\r" && text[at + 1] === "\n";
}
