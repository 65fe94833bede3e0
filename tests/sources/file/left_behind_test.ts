/** Files that were renamed away while nobody looked, and of which some was not read. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { type FileMark, pointAt } from "../../../src/sources/file/file_mark.ts";
import { filesMatching, type FoundFile } from "../../../src/sources/file/file_names.ts";
import { leftBehind } from "../../../src/sources/file/left_behind.ts";
import { OpenFile } from "../../../src/sources/file/open_file.ts";
import { inDirectory, openIn } from "./written_files.ts";

interface World {
  /** What the file has that was renamed. */
  readonly content: string | Uint8Array;
  /** How much of it was read. */
  readonly read: number;
  /** What it has now; the same, if not given. */
  readonly now?: string;
  /** What the file has that has its name now; there is none, if not given. */
  readonly namesake?: string;
  /** Whether a name that matches leads to the renamed one. */
  readonly isFound?: boolean;
}

/** The names of what was left behind. */
async function leftOf({ content, read, now, namesake, isFound = false }: World): Promise<string[]> {
  const names: string[] = [];
  await inDirectory(async (directory) => {
    const [path, away] = [`${directory}/a.log`, `${directory}/away`];
    await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    await Deno.writeTextFile(`${directory}/beside`, "beside\n");
    const opened = await OpenFile.open(path);
    const mark: FileMark = await opened.markAt(pointAt(read), path);
    opened.close();
    await Deno.rename(path, away);
    if (now !== undefined) await Deno.writeTextFile(away, now);
    if (namesake !== undefined) await Deno.writeTextFile(path, namesake);
    const found: FoundFile[] = [];
    if (namesake !== undefined) found.push(...await filesMatching(path));
    if (isFound) found.push(...await filesMatching(away));
    for (const file of await leftBehind([mark, { ...mark, path: "/nowhere/a", inode: 1 }], found)) {
      names.push(file.path.slice(directory.length + 1));
    }
    if (Deno.build.os === "linux") assert.equal(openIn(directory), 0);
  });
  return names;
}

Deno.test("a file that was renamed is left behind where some of it was not read, and is nowhere else", async () => {
  const content = "abc\ndef\n";
  for (
    const [what, world, isLeft] of [
      ["not read to its end", { content, read: 4 }, true],
      ["not read at all", { content, read: 0 }, true],
      ["all but a byte", { content, read: 7 }, true],
      ["read to its end", { content, read: 8 }, false],
      ["shorter by now", { content, read: 8, now: "abc\nde" }, false],
      ["another one of its number", { content, read: 4, now: "xyz\ndef\n" }, false],
      ["longer by now", { content, read: 8, now: `${content}ghi\n` }, true],
      ["still matched", { content, read: 4, isFound: true }, false],
      ["copied back", { content, read: 4, namesake: content }, false],
      ["copied back, and longer", { content, read: 4, namesake: `${content}ghi\n` }, false],
      ["copied back in part", { content, read: 4, namesake: "abc\n" }, true],
      ["of the same name as another one", { content, read: 4, namesake: "ABC\nDEF\nGHI\n" }, true],
      ["compressed", { content: gzipSync(content), read: 4 }, false],
    ] as const satisfies readonly (readonly [string, World, boolean])[]
  ) {
    assert.deepEqual(await leftOf(world), isLeft ? ["away"] : [], what);
  }
});
