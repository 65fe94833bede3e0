/**
 * Checks the documents: links and paths lead to what is there, commands of shells say what runs them, records
 * of decisions have their form, and the README is short. Prints one line a fault.
 *
 *   scripts/deno.sh run -A scripts/documents.ts
 */
import { dirname, join, normalize } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { MarkdownPage } from "./markdown_page.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const README_MAX_LINES = 150;
/**
 * The pages whose shell commands are run by documents_test, regions_test and flink_test of tests/e2e, and by
 * `make test-flink`.
 */
export const RUN_PAGES: readonly string[] = [
  "README.md",
  "docs/operations.md",
  "docs/api.md",
  "docs/multi-region.md",
  "docs/flink.md",
];
/** The marks of commands that tour_test.ts and recount_test.ts of tests/e2e run, by the page. */
const RUN_MARKS: Readonly<Record<string, RegExp>> = {
  "docs/tour.md": /^terminal=\w+$/,
  "docs/operations.md": /^instances=\d(?:,\d)*$/,
};
/** Pages whose names between backquotes must be names in the sources. */
const CODE_PAGES: readonly string[] = ["ARCHITECTURE.md", "CONTRIBUTING.md"];
const DECISIONS = "docs/decisions/";
const DECISION_PARTS = ["Context", "Decision", "Consequences"];
const SKIPPED = [".git", "dist", "node_modules"];

/** The parts of the repository that documents may refer to. */
export interface Repository {
  /** Pages of Markdown by their paths from the root. */
  readonly pages: ReadonlyMap<string, MarkdownPage>;
  /** Whether there is a file or directory of that path from the root. */
  readonly has: (path: string) => boolean;
  readonly makeTargets: ReadonlySet<string>;
  /** Whether the sources, tests and scripts have the word. */
  readonly knows: (word: string) => boolean;
}

/** Each fault as `file:line: what is wrong`, or `file: what is wrong`. */
export function documentFaults(repository: Repository): string[] {
  return [...repository.pages].flatMap(([path, page]) => [
    ...brokenLinks(path, page, repository),
    ...missingPaths(path, page, repository),
    ...unknownNames(path, page, repository),
    ...unmarkedFences(path, page),
    ...unknownTargets(path, page, repository),
    ...formFaults(path, page, repository),
  ]);
}

function brokenLinks(path: string, page: MarkdownPage, { pages, has }: Repository): string[] {
  return page.links.flatMap(({ target, line }) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [file = "", anchor] = target.split("#");
    const linked = file === "" ? path : normalize(join(dirname(path), file));
    if (!has(linked)) return `${path}:${line}: there is no ${linked}`;
    if (anchor === undefined || pages.get(linked)?.anchors.has(anchor)) return [];
    return `${path}:${line}: ${linked} has no heading for #${anchor}`;
  });
}

function missingPaths(path: string, page: MarkdownPage, { has }: Repository): string[] {
  return page.codes
    .filter(({ target }) => /^(?:src|tests|docs|scripts|bench|deploy|\.github)\/[\w./-]*$/.test(target))
    .filter(({ target }) => !has(target.replace(/\/$/, "")))
    .map(({ target, line }) => `${path}:${line}: there is no ${target}`);
}

function unknownNames(path: string, page: MarkdownPage, { knows }: Repository): string[] {
  if (!CODE_PAGES.includes(path)) return [];
  return page.codes.filter(({ target }) => /^[a-zA-Z]*[a-z][A-Z]\w*$/.test(target) && !knows(target))
    .map(({ target, line }) => `${path}:${line}: no source has the name ${target}`);
}

function unmarkedFences(path: string, page: MarkdownPage): string[] {
  const isRun = RUN_PAGES.includes(path);
  return page.fences.filter(({ language }) => language === "sh")
    .filter(({ mark }) =>
      !(/^not-run: \S/.test(mark) || RUN_MARKS[path]?.test(mark) || (isRun && mark === ""))
    )
    .map(({ line }) =>
      `${path}:${line}: these commands are run by no test, and do not say why: \`\`\`sh not-run: REASON`
    );
}

function unknownTargets(path: string, page: MarkdownPage, { makeTargets }: Repository): string[] {
  const texts = [
    ...page.codes.map(({ target, line }) => ({ text: target, line })),
    ...page.fences.filter(({ language }) => language === "sh"),
  ];
  return texts.flatMap(({ text, line }) =>
    [...text.matchAll(/(?:^|[\n(;&] *)make ([a-z]+(?:-[a-z]+)*)/g)]
      .filter(([, target]) => !makeTargets.has(target!))
      .map(([, target]) => `${path}:${line}: the Makefile has no target ${target}`)
  );
}

function formFaults(path: string, page: MarkdownPage, { pages }: Repository): string[] {
  if (path === "README.md") {
    const lines = page.text.split("\n").length - 1;
    return lines > README_MAX_LINES ? [`${path}: has ${lines} lines, and ${README_MAX_LINES} at most`] : [];
  }
  const [, name, number] = /^docs\/decisions\/((\d{4})-.*)$/.exec(path) ?? [];
  if (name === undefined) return [];
  const faults = DECISION_PARTS.filter((part) => !page.headings.includes(part))
    .map((part) => `${path}: has no heading "${part}"`);
  if (!page.text.startsWith(`# ${number}: `)) faults.push(`${path}: does not begin with "# ${number}: "`);
  const isListed = pages.get(`${DECISIONS}README.md`)?.links.some(({ target }) => target === name);
  if (!isListed) faults.push(`${path}: is not in ${DECISIONS}README.md`);
  return faults;
}

/** Texts of the files whose names end so, by their paths from the root. */
async function readFiles(ending: string, directory = ""): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, directory))) {
    const path = join(directory, name);
    if (isDirectory && !SKIPPED.includes(name)) found.push(...await readFiles(ending, path));
    if (name.endsWith(ending)) found.push([path, await Deno.readTextFile(join(ROOT, path))]);
  }
  return found.sort();
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(join(ROOT, path));
    return true;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  const makefile = await Deno.readTextFile(join(ROOT, "Makefile"));
  const pages = (await readFiles(".md")).map((
    [path, text],
  ): [string, MarkdownPage] => [path, new MarkdownPage(text)]);
  const words = new Set((await readFiles(".ts")).flatMap(([, text]) => text.match(/\w+/g) ?? []));
  const faults = documentFaults({
    pages: new Map(pages),
    knows: (word) => words.has(word),
    has: isThere,
    makeTargets: new Set([...makefile.matchAll(/^([a-z-]+):/gm)].map(([, target]) => target!)),
  });
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) Deno.exit(1);
}
