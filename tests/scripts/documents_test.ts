import assert from "node:assert/strict";
import { documentFaults } from "../../scripts/documents.ts";
import { MarkdownPage } from "../../scripts/markdown_page.ts";

/** The faults of these pages in a repository of them, one source file and one target of make. */
function faultsOf(pages: Record<string, string>): string[] {
  const files = [...Object.keys(pages), "src", "src/main.ts", "docs"];
  return documentFaults({
    pages: new Map(Object.entries(pages).map(([path, text]) => [path, new MarkdownPage(text)])),
    has: (path) => files.includes(path),
    makeTargets: new Set(["test"]),
    knows: (word) => word === "someName",
  });
}

Deno.test("links lead to files and headings that are there", () => {
  const other = "# Its `title`: the 2nd!\n\n## Twice\n\n## Twice\n";
  const good =
    "[a](docs/b.md) [b](docs/b.md#its-title-the-2nd) [c](docs/b.md#twice-1) [d](#here) [e][1]\n\n# " +
    "Here\n\n`[in code](nowhere.md)`\n\n```text\n[in a fence](nowhere.md)\n```\n\n[1]: " +
    "https://example.com/x\n";
  assert.deepEqual(faultsOf({ "a.md": good, "docs/b.md": `${other}[up](../a.md#here)\n` }), []);
  assert.deepEqual(faultsOf({ "a.md": "x\n[a](c.md) [b](docs/b.md#no)\n[1]: gone.md", "docs/b.md": other }), [
    "a.md:2: there is no c.md",
    "a.md:2: docs/b.md has no heading for #no",
    "a.md:3: there is no gone.md",
  ]);
});

Deno.test("paths of the repository in code are there", () => {
  assert.deepEqual(faultsOf({ "a.md": "`src/main.ts` `src/` `docs/` `/etc/src/x` `src/*.ts` `srcs/x`" }), []);
  assert.deepEqual(faultsOf({ "a.md": "\n`src/gone.ts`, `tests/`" }), [
    "a.md:2: there is no src/gone.ts",
    "a.md:2: there is no tests/",
  ]);
});

Deno.test("pages for developers name what is in the code", () => {
  const page = "x\n`goneName` `GoneClass` `someName` `words in code` `A_NAME` `gone`";
  assert.deepEqual(faultsOf({ "README.md": page, "CONTRIBUTING.md": page }), [
    "CONTRIBUTING.md:2: no source has the name goneName",
    "CONTRIBUTING.md:2: no source has the name GoneClass",
  ]);
});

Deno.test("commands of shells are run by a test, or say why not", () => {
  const fence = (mark: string) => `\`\`\`${mark}\nls\n\`\`\`\n`;
  const pages = {
    "docs/a.md": fence("sh not-run: needs root") + fence("text") + fence(""),
    "docs/tour.md": fence("sh terminal=bus"),
    "docs/operations.md": fence("sh instances=0,1") + fence("sh"),
    "README.md": fence("sh"),
  };
  assert.deepEqual(faultsOf(pages), []);
  // Each mark is of the page that its test reads.
  for (const mark of ["sh", "sh not-run", "sh not-run:", "sh run", "sh terminal=bus", "sh instances=0"]) {
    const [fault, ...others] = faultsOf({ "docs/a.md": `\n${fence(mark)}` });
    assert.match(fault ?? "", /^docs\/a\.md:2: these commands are run by no test/, mark);
    assert.deepEqual(others, []);
  }
});

Deno.test("targets of make are in the Makefile", () => {
  const page =
    "`make test ARGS=x`, `make nonsense`; make sense\n\n```sh not-run: here\nmake test\nX=1 && make " +
    "more\n```\n";
  assert.deepEqual(faultsOf({ "a.md": page }), [
    "a.md:1: the Makefile has no target nonsense",
    "a.md:3: the Makefile has no target more",
  ]);
});

Deno.test("a record of a decision has its number, its parts and its line in the index", () => {
  const record = "# 0007: A thing\n\n## Context\n\n## Decision\n\n## Consequences\n";
  const index = "- [0007](0007-a-thing.md): A thing\n";
  assert.deepEqual(
    faultsOf({ "docs/decisions/0007-a-thing.md": record, "docs/decisions/README.md": index }),
    [],
  );
  const path = "docs/decisions/0008-b.md";
  assert.deepEqual(faultsOf({ [path]: "# 8: B\n\n## Context\n", "docs/decisions/README.md": "" }), [
    `${path}: has no heading "Decision"`,
    `${path}: has no heading "Consequences"`,
    `${path}: does not begin with "# 0008: "`,
    `${path}: is not in docs/decisions/README.md`,
  ]);
});

Deno.test("the README has 150 lines at most", () => {
  assert.deepEqual(faultsOf({ "README.md": "x\n".repeat(150) }), []);
  assert.deepEqual(faultsOf({ "README.md": "x\n".repeat(151) }), [
    "README.md: has 151 lines, and 150 at most",
  ]);
});
