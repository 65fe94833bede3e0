/**
 * Checks sources and documents for words that `docs/glossary.md` rules out, for lines that are wider than the
 * formatter's width, and for characters that an editor does not show. Prints one line per fault: where it is,
 * and what to say instead.
 *
 *   scripts/deno.sh run -A scripts/words.ts
 */
import { fileURLToPath } from "node:url";
import { type Glossary, readGlossary, type RuledOut } from "./glossary.ts";
import { hiddenFaults } from "./hidden_characters.ts";
import { widthFaults } from "./line_widths.ts";
import { type SourceToken, sourceTokens } from "./source_tokens.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const GLOSSARY = "docs/glossary.md";
/** Files that are about the words themselves. */
const UNCHECKED = [GLOSSARY, "tests/scripts/words_test.ts"];
const NAME_PARTS = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g;
const WORDS = /\w+/g;
/** Files that the formatter formats. */
const FORMATTED = /\.(?:ts|mjs|md)$/;
const CHECKED = /\.(?:ts|mjs|md|sh)$|^Makefile$/;

/** Faults of one file, as `file:line: what is wrong`. */
export function wordFaults(path: string, text: string, { ruledOut, staying }: Glossary): string[] {
  const all = `${path}\n${text}`.toLowerCase();
  const rules = ruledOut.filter(({ word }) => all.includes(word.startsWith("#") ? "#" : word));
  // Parsing takes longer than all the rest.
  if (rules.length === 0) return [];
  const tokens = /\.(?:ts|mjs)$/.test(path)
    ? sourceTokens(text)
    : [{ kind: "comment", text, offset: 0 } as const];
  const name: SourceToken = { kind: "identifier", text: path.replaceAll(/[/.-]/g, "_"), offset: 0 };
  const kept = staying.filter(({ paths }) =>
    paths.length === 0 || paths.some((start) => path.startsWith(start))
  );
  return [name, ...tokens].flatMap((token) =>
    rules.flatMap((rule) =>
      findings(token, rule).filter((at) => !kept.some((stays) => covers(stays.text, token.text, at))).map(
        (at) => {
          const line = token === name ? 1 : lineOf(text, token.offset + at);
          return `${path}:${line}: "${rule.word}": say ${rule.terms.join(" or ")} (${GLOSSARY})`;
        },
      )
    )
  );
}

/** The indices in the token at which the word is ruled out. */
function findings({ kind, text }: SourceToken, { word, terms, isForNames }: RuledOut): number[] {
  if (word.startsWith("#")) return kind === "identifier" && text.startsWith("#") ? [0] : [];
  if (kind !== "identifier" && isForNames) return [];
  const found: number[] = [];
  let previous = "";
  for (const { 0: part, index } of text.matchAll(kind === "identifier" ? NAME_PARTS : WORDS)) {
    const isWord = [word, `${word}s`].includes(part.toLowerCase());
    if (isWord && !terms.includes(`${previous} ${word}`)) found.push(index);
    previous = part.toLowerCase();
  }
  return found;
}

/** Whether what stands at that index is a part of a text that stays. */
function covers(stays: string, text: string, at: number): boolean {
  const from = Math.max(0, at - stays.length + 1);
  const found = text.indexOf(stays, from);
  return found >= 0 && found <= at;
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

async function checkedFiles(): Promise<string[]> {
  const { stdout, success } = await new Deno.Command("git", { args: ["ls-files", "-z"], cwd: ROOT }).output();
  if (!success) throw new Error("git does not list the files of this repository");
  return new TextDecoder().decode(stdout).split("\0").filter((path) =>
    CHECKED.test(path) && !UNCHECKED.includes(path)
  );
}

if (import.meta.main) {
  const glossary = readGlossary(await Deno.readTextFile(ROOT + GLOSSARY));
  const { fmt: { lineWidth } } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const faults: string[] = [];
  for (const path of await checkedFiles()) {
    const text = await Deno.readTextFile(ROOT + path);
    faults.push(
      ...wordFaults(path, text, glossary),
      ...hiddenFaults(path, text),
      ...(FORMATTED.test(path) ? widthFaults(path, text, lineWidth) : []),
    );
  }
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) Deno.exit(1);
}
