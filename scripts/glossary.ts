/** A word that the glossary rules out. */
export interface RuledOut {
  readonly word: string;
  /** The words to use, by what is meant. */
  readonly terms: readonly string[];
  /** Ruled out in identifiers and names of files alone. */
  readonly isForNames: boolean;
}

/** A text that keeps a ruled-out word. */
export interface Staying {
  readonly text: string;
  /** Beginnings of the paths of files where it may stand; none: everywhere. */
  readonly paths: readonly string[];
}

export interface Glossary {
  readonly ruledOut: readonly RuledOut[];
  readonly staying: readonly Staying[];
}

/** Reads `docs/glossary.md`. @throws a table is not there, or is empty */
export function readGlossary(page: string): Glossary {
  const ruledOut = new Map<string, RuledOut>();
  for (const [term, , not] of tableRows(page, "term")) {
    for (const [, word, forNames] of not!.matchAll(/`([^`]+)`( \(in names\))?/g)) {
      const terms = [...ruledOut.get(word!)?.terms ?? [], term!];
      ruledOut.set(word!, { word: word!, terms, isForNames: forNames !== undefined });
    }
  }
  const staying = tableRows(page, "stays").flatMap(([texts, paths]) =>
    codes(texts!).map((text) => ({ text, paths: codes(paths!) }))
  );
  return { ruledOut: [...ruledOut.values()], staying };
}

/** The cells of the table whose first column has that title, row by row. */
function tableRows(page: string, title: string): string[][] {
  const lines = page.split("\n");
  const head = lines.findIndex((line) => cellsOf(line)[0] === title);
  if (head < 0) throw new Error(`docs/glossary.md has no table with the column "${title}"`);
  const end = lines.findIndex((line, index) => index > head && !line.startsWith("|"));
  return lines.slice(head + 2, end < 0 ? undefined : end).map(cellsOf);
}

function cellsOf(line: string): string[] {
  return line.startsWith("|") ? line.split("|").slice(1, -1).map((cell) => cell.trim()) : [];
}

function codes(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}
