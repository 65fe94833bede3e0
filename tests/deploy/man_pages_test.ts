/** The manual pages, as mandoc and groff read them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ensureProgram } from "../../scripts/debian.ts";
import { commandsPage, settingsPage } from "../../scripts/man_pages.ts";
import { commandsOf } from "../../src/cli/commands.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { temporaryDirectory } from "../support/executable.ts";

const DATE = "January 31, 2026";
const PAGES = { 1: commandsPage(DATE), 5: settingsPage(DATE) };

interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program on the pages of these sections, which lie in its working directory. */
async function read(
  sections: readonly (keyof typeof PAGES)[],
  program: string,
  ...args: string[]
): Promise<Said> {
  await using directory = await temporaryDirectory();
  for (const [section, text] of Object.entries(PAGES)) {
    await Deno.writeTextFile(join(directory.path, `vabus-data-handler.${section}`), text);
  }
  const { stdout, stderr } = await new Deno.Command(program, {
    args: [...args, ...sections.map((section) => `vabus-data-handler.${section}`)],
    cwd: directory.path,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("mandoc and groff read the pages without a warning", async () => {
  await ensureProgram("mandoc");
  await ensureProgram("groff");
  assert.deepEqual(await read([1, 5], "mandoc", "-Tlint"), { stdout: "", stderr: "" });
  for (const section of [1, 5] as const) {
    assert.equal((await read([section], "groff", "-ww", "-mandoc", "-Tutf8")).stderr, "");
  }
});

Deno.test("the pages name every command, flag, setting and variable of a file", async () => {
  await ensureProgram("mandoc");
  const wordsOf = async (section: keyof typeof PAGES) => {
    const { stdout } = await read([section], "mandoc", "-Tascii", "-Owidth=1000");
    // Bold is a character, a backspace and the character again.
    return new Set(
      stdout.split("\b").map((part, index, all) => index < all.length - 1 ? part.slice(0, -1) : part)
        .join("").split(/[\s,.]+/),
    );
  };
  const commands = commandsOf(REGISTRY);
  const flags = commands.flatMap(({ options }) =>
    Object.values(options).map(({ flags }) => flags.split(" ")[0]!)
  );
  const onFirst = await wordsOf(1);
  const expected = [...commands.flatMap(({ name }) => name.split(" ")), ...flags];
  assert.deepEqual(expected.filter((word) => !onFirst.has(word)), []);
  const onFifth = await wordsOf(5);
  assert.deepEqual(REGISTRY.catalogue.givenNames.filter((name) => !onFifth.has(name)), []);
});
