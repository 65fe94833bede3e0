import assert from "node:assert/strict";
import { type FileMark, pointAt, printOf } from "../../../src/sources/file/file_mark.ts";
import type { FoundFile } from "../../../src/sources/file/file_names.ts";
import { keyOf } from "../../../src/sources/file/file_key.ts";
import { KnownFiles } from "../../../src/sources/file/known_files.ts";
import { inDirectory, openIn } from "./written_files.ts";

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

/** What is known of a file of that number. */
function markOfNumber(inode: number): FileMark {
  return { ...goneMark("/a", "x"), inode };
}

Deno.test("those files are forgotten that were noted longest ago, where there are too many", () => {
  const known = new KnownFiles(2);
  const idsOf = (...inodes: readonly number[]) => inodes.map((inode) => known.idOf({ device: 0, inode }));
  for (const number of [1, 2]) known.note({ id: `${number}`, mark: markOfNumber(number) });
  assert.deepEqual([known.has("1"), known.has("2"), ...idsOf(1, 2, 3)], [true, true, "1", "2", undefined]);
  known.note({ id: "1", mark: markOfNumber(1) });
  known.note({ id: "3", mark: markOfNumber(3) });
  assert.deepEqual([known.has("1"), known.has("2"), ...idsOf(1, 2, 3)], [true, false, "1", undefined, "3"]);
  // The number of the file is another partition's by now.
  known.bind({ device: 0, inode: 1 }, "other");
  known.note({ id: "4", mark: markOfNumber(4) });
  assert.deepEqual([known.has("1"), ...idsOf(1, 3, 4)], [false, "other", "3", "4"]);
  known.unbind({ device: 0, inode: 4 });
  assert.deepEqual([known.has("4"), ...idsOf(4)], [true, undefined]);
});

Deno.test("a file goes on with none where its own lines are known, or where the other one is still there", () =>
  inDirectory(async (directory) => {
    const [path, away] = [`${directory}/a.log`, `${directory}/a.log.1`];
    Deno.writeTextFileSync(path, "abc\ndef\n");
    const fileAt = (name: string): FoundFile => {
      const { dev, ino, size } = Deno.statSync(name);
      return { path: name, device: dev, inode: ino!, bytes: size };
    };
    const file = fileAt(path);
    const gone = { ...goneMark(path, "abc\n"), device: file.device, inode: file.inode + 1000 };
    const predecessorOf = async (
      notes: readonly FileMark[],
      more: readonly FoundFile[] = [],
      ends: ReadonlyMap<string, FileMark> = new Map(),
    ) => {
      const known = new KnownFiles(10);
      notes.forEach((mark, i) => known.note({ id: `${i}`, mark }));
      const there = new Map([file, ...more].map((one) => [keyOf(one), one]));
      const found = await known.predecessors([file], there, ends);
      assert.ok(found.size <= 1);
      return found.get(keyOf(file));
    };
    assert.equal(await predecessorOf([gone]), "0");
    assert.equal(await predecessorOf([gone, { ...goneMark(path, "ab"), ...keysOf(file) }]), undefined);
    // Its number was that of another file.
    assert.equal(await predecessorOf([gone, { ...goneMark(path, "x"), ...keysOf(file) }]), "0");
    Deno.writeTextFileSync(away, "abc\nmore\n");
    const other = fileAt(away);
    const moved = { ...gone, ...keysOf(other) };
    assert.equal(await predecessorOf([moved], [other]), undefined, "it was renamed");
    assert.equal(await predecessorOf([moved]), "0", "no name that matches leads to it");
    Deno.writeTextFileSync(away, "other\n");
    assert.equal(await predecessorOf([moved], [other]), "0", "its number is another file's");
    // Where it ends counts, not how far it was read.
    const ends = (read: string) => new Map([["0", { ...goneMark(path, read), inode: 7 }]]);
    assert.equal(await predecessorOf([gone], [], ends("abc\ndef\n")), "0");
    assert.equal(await predecessorOf([gone], [], ends("abc\nd_")), undefined);
    assert.deepEqual(await new KnownFiles(1).predecessors([], new Map(), new Map()), new Map());
    // One that has gone again goes on with none.
    Deno.removeSync(path);
    assert.equal(await predecessorOf([gone]), undefined);
    if (Deno.build.os === "linux") assert.equal(openIn(directory), 0);
  }));

function keysOf({ device, inode }: FoundFile) {
  return { device, inode };
}
