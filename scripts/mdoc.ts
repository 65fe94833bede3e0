/** Text and macros of manual pages in mdoc(7), for mandoc and groff alike. */

const WIDTH = 78;

/** A text as lines of a page: a sentence begins a line, as mdoc(7) wants it. */
export function mdocText(text: string): string[] {
  return text.split(/(?<=[.:;?!]) +/).flatMap(wrapped).map(line);
}

/** A macro with its arguments; each of them is text. */
export function mdoc(macro: string, ...args: readonly string[]): string {
  const words = args.map((arg) => {
    const text = escaped(arg).replaceAll('"', "\\(dq");
    // Punctuation alone, and names of macros, mean something to mdoc(7).
    return /^(?:[A-Z][a-z]|\W)$/.test(text) ? `\\&${text}` : /\s/.test(text) ? `"${text}"` : text;
  });
  return `.${[macro, ...words].join(" ")}`;
}

/** Lines that stay as they are. */
export function mdocVerbatim(text: string): string[] {
  return [".Bd -literal -offset indent", ...text.split("\n").map(line), ".Ed"];
}

/** At the start of a line, a dot would make it a macro. */
function line(text: string): string {
  return text.startsWith(".") ? `\\&${escaped(text)}` : escaped(text);
}

function wrapped(sentence: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of sentence.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = "";
    }
    line += (line === "" ? "" : " ") + word;
  }
  return [...lines, line].filter((each) => each !== "");
}

/** Quotes and hyphens that can be copied from the page, and no character that a terminal may lack. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("`", "\\(ga").replaceAll("'", "\\(aq").replaceAll("-", "\\-")
    .replaceAll(/\P{ASCII}/gu, (character) => {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
      return `\\[u${code}]`;
    });
}
