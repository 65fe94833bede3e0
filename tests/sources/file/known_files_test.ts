import assert from "node:assert/strict";
import { type FileMark, pointAt, printOf } from "../../../src/sources/file/file_mark.ts";
import type { FoundFile } from "../../../src/sources/file/file_names.ts";
import { keyOf } from "../../../src/sources/file/file_key.ts";
import { KnownFiles } from "../../../src/sources/file/known_files.ts";
import { inDirectory } from "./written_files.ts";

/** What is known of a file that has gone, of which `read` was read. */
function goneMark(path: string, read: string): FileMark {
  const bytes = new TextEncoder().encode(read);
  return {
    ...pointAt(bytes.length),
    first: bytes.length,
    print: printOf(bytes),
    lastPrint: undefined,
    path,
    device: 0,
    inode: 1,
  };
}

Deno.test("a new file goes on with the one of its name that it has the beginning of", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a.log`;
    Deno.writeTextFileSync(path, "\nabc\n");
    const { dev, ino, size } = Deno.statSync(path);
    const file: FoundFile = { path, device: dev, inode: ino!, bytes: size };
    const predecessorFor = async (...marks: FileMark[]) => {
      const known = new KnownFiles(10);
      marks.forEach((mark, i) => known.note({ id: `${i}`, mark: { ...mark, inode: i + 1 } }));
      return (await known.predecessors([file], new Map([[keyOf(file), file]]), new Map())).get(keyOf(file));
    };
    assert.equal(await predecessorFor(goneMark(path, "\nab")), "0");
    assert.equal(await predecessorFor(goneMark(path, "\n")), "0", "one byte is enough");
    assert.equal(await predecessorFor(goneMark(path, "")), undefined, "nothing is in any file");
    assert.equal(await predecessorFor(goneMark(path, "\nx")), undefined);
    assert.equal(await predecessorFor(goneMark(`${directory}/b.log`, "\nab")), undefined);
    const several = ["\n", "\nabc", "\na"].map((read) => goneMark(path, read));
    assert.equal(await predecessorFor(...several), "1", "the one that was read furthest");
  }));
