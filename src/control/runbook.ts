import text from "../../docs/runbook.md" with { type: "text" };

/** What the runbook says of an alarm, as Markdown of one line each. */
export interface RunbookParagraph {
  readonly means: string;
  /** How to look. */
  readonly look: string;
  /** What to do. */
  readonly do: string;
}

/** A title of an alarm, and what stands below it up to the next title. */
const PARAGRAPH = /^### (\w+)\n([^]*?)(?=^##|$(?![^]))/gm;

const PARAGRAPHS: ReadonlyMap<string, RunbookParagraph> = new Map(
  [...text.matchAll(PARAGRAPH)].map(([, alarm, paragraph]) => [
    alarm!,
    { means: part(paragraph!, "Means"), look: part(paragraph!, "Look"), do: part(paragraph!, "Do") },
  ]),
);

/** The paragraph of `docs/runbook.md` about an alarm, by its name. */
export function runbookOf(alarm: string): RunbookParagraph {
  const paragraph = PARAGRAPHS.get(alarm);
  if (paragraph === undefined) throw new Error(`docs/runbook.md has no paragraph ${alarm}`);
  return paragraph;
}

/** One item of a paragraph, its lines joined. */
function part(paragraph: string, title: string): string {
  const [, lines] = new RegExp(String.raw`^- \*\*${title}\*\*: ([^]*?)(?=^- \*\*|\s*$(?![^]))`, "m").exec(
    paragraph,
  ) ?? [];
  if (lines === undefined) throw new Error(`docs/runbook.md lacks "${title}" in: ${paragraph}`);
  return lines.trim().replaceAll(/\s+/g, " ");
}
