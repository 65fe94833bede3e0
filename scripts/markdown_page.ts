/** A fenced block of a page. */
export interface Fence {
  /** The language, such as `sh`; empty: none. */
  readonly language: string;
  /** The text after the language. */
  readonly mark: string;
  readonly text: string;
  /** Number of the line that opens it, from 1. */
  readonly line: number;
}

/** A link, or a path of the repository in code. */
export interface Reference {
  readonly target: string;
  readonly line: number;
}

export class MarkdownPage {
  readonly fences: readonly Fence[];
  /** The text as lines, without those of fences. */
  private readonly prose: readonly (string | undefined)[];

  constructor(readonly text: string) {
    const prose: (string | undefined)[] = [];
    const fences: Fence[] = [];
    const lines = text.split("\n");
    for (let index = 0; index < lines.length; index++) {
      const [, indent, language, mark] = /^( *)```(\w*) ?(.*)$/.exec(lines[index]!) ?? [];
      if (indent === undefined) {
        prose.push(lines[index]);
        continue;
      }
      const line = index + 1;
      const end = lines.indexOf(`${indent}\`\`\``, line);
      const content = lines.slice(line, end < 0 ? undefined : end);
      fences.push({ language: language!, mark: mark!, text: content.join("\n"), line });
      prose.push(...Array<undefined>(content.length + 2));
      index = line + content.length;
    }
    this.fences = fences;
    this.prose = prose;
  }

  /** The anchors for links to this page, as GitHub derives them from the headings. */
  get anchors(): ReadonlySet<string> {
    const anchors = new Set<string>();
    for (const heading of this.headings) {
      const slug = slugOf(heading);
      let anchor = slug;
      for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
      anchors.add(anchor);
    }
    return anchors;
  }

  /** The texts of the headings, in their order. */
  get headings(): readonly string[] {
    return this.prose.flatMap((line) => /^#{1,6} (.*)$/.exec(line ?? "")?.[1] ?? []);
  }

  /** Targets of links, images and definitions of references. */
  get links(): readonly Reference[] {
    return this.found(/\]\(([^()\s]+)\)|^\[[^\]]+\]: (\S+)$/g, (line) => line.replaceAll(/`[^`]*`/g, ""));
  }

  /** The texts between backquotes. */
  get codes(): readonly Reference[] {
    return this.found(/`([^`]+)`/g);
  }

  private found(pattern: RegExp, prepared = (line: string) => line): Reference[] {
    return this.prose.flatMap((line, index) =>
      [...prepared(line ?? "").matchAll(pattern)].map(([, first, second]) => ({
        target: (first ?? second)!,
        line: index + 1,
      }))
    );
  }
}

/** A heading as GitHub writes it behind `#`. */
function slugOf(heading: string): string {
  return heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").trim().toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, "").replaceAll(" ", "-");
}
