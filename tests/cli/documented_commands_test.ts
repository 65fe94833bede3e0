/** Commands in the documents are commands of the program, and their flags are its flags. */
import assert from "node:assert/strict";
import { CommanderError } from "commander";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { MarkdownPage } from "../../scripts/markdown_page.ts";
import { commandsOf } from "../../src/cli/commands.ts";
import { parseCommandLine } from "../../src/cli/command_line.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { ConfigError } from "../../src/settings/fault.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PAGES = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
const SILENT = { writeOut: () => {}, writeErr: () => {} };
const FIRST_WORDS = commandsOf(REGISTRY).map(({ name }) => name.split(" ")[0]!);

/** The faults of these arguments, without those of values: documents have placeholders for them. */
function faultsOf(args: readonly string[]): string[] {
  try {
    const { faults } = parseCommandLine(args, REGISTRY, SILENT);
    return faults.map(({ subject, problem }) => `${subject} ${problem}`);
  } catch (error) {
    if (error instanceof ConfigError) return [error.message];
    // Help was asked for, or a flag stands without its value.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0 || error.code === "commander.optionMissingArgument") return [];
    }
    throw error;
  }
}

/** The arguments of each call of the program in a text of code. */
function callsIn(code: string): string[][] {
  const words = FIRST_WORDS.join("|");
  return code.replaceAll("\\\n", " ").split(/\n|;|&&|\|/).flatMap((line) => {
    const [, named] = new RegExp(`(?:^|[ /])vabus-data-handler ((?:${words}|--version)\\b.*)$`).exec(line) ??
      [];
    const [, unnamed] = new RegExp(`^ *((?:${words}) --.*)$`).exec(line) ?? [];
    const call = (named ?? unnamed)?.replace(/ #.*| > .*/, "");
    return call === undefined ? [] : [call.split(/[ …&]+/).filter((word) => word !== "")];
  });
}

Deno.test("commands in the documents are the program's, and so are their flags", async () => {
  const pages = [...PAGES];
  for await (const { name } of Deno.readDir(join(ROOT, "docs"))) {
    if (name.endsWith(".md")) pages.push(`docs/${name}`);
  }
  const faults: string[] = [];
  let calls = 0;
  for (const path of pages) {
    const page = new MarkdownPage(await Deno.readTextFile(join(ROOT, path)));
    const codes = [...page.codes.map(({ target }) => target), ...page.fences.map(({ text }) => text)];
    for (const args of codes.flatMap(callsIn)) {
      calls++;
      faults.push(...faultsOf(args).map((fault) => `${path}: ${args.join(" ")}: ${fault}`));
    }
  }
  assert.deepEqual(faults, []);
  assert.ok(calls > 40, `only ${calls} commands are found`);
});

Deno.test("docs/commands.md names every command", async () => {
  const page = new MarkdownPage(await Deno.readTextFile(join(ROOT, "docs/commands.md")));
  const named = page.codes.map(({ target }) => target.split(" ").at(-1)!);
  const missing = commandsOf(REGISTRY).filter(({ name }) => !named.includes(name.split(" ").at(-1)!));
  assert.deepEqual(missing.map(({ name }) => name), []);
});
