/** An open file: what it is, what it is known by, and why it cannot be had. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { SourceError } from "../../../src/contract/source.ts";
import { pointAt, printOf } from "../../../src/sources/file/file_mark.ts";
import { OpenFile, sourceError } from "../../../src/sources/file/open_file.ts";
import { errorOf, inDirectory, openIn } from "./written_files.ts";

const PRINT_MAX = 1024;
const bytesOf = (text: string) => new TextEncoder().encode(text);

async function withFile(
  content: string | Uint8Array,
  test: (file: OpenFile, path: string) => Promise<void>,
): Promise<void> {
  await inDirectory(async (directory) => {
    const path = `${directory}/a`;
    await Deno.writeFile(path, typeof content === "string" ? bytesOf(content) : content);
    const file = await OpenFile.open(path);
    try {
      await test(file, path);
    } finally {
      file.close();
    }
  });
}

Deno.test("a file is the one that was found, by device and number, or it cannot be had any more", () =>
  withFile("abc", async ({ device, inode }, path) => {
    (await OpenFile.open(path, { device, inode })).close();
    for (const other of [{ device: device + 1, inode }, { device, inode: inode + 1 }]) {
      const { kind, message } = await errorOf(OpenFile.open(path, other));
      assert.equal(kind, "unavailable");
      assert.match(message, /a: it was replaced by another file before it was read/);
    }
    if (Deno.build.os === "linux") assert.equal(openIn(path), 1);
  }));

Deno.test("whether a file is compressed is seen by its first two bytes, as soon as they are there", async () => {
  const packed = gzipSync("abc");
  const other = Uint8Array.of(packed[0]!, 0x20, 0x20);
  for (
    const [first, then, isCompressed, content] of [
      [0, "x", false, "x"],
      [0, packed, true, "abc"],
      [1, packed, true, "abc"],
      [1, other, false, "\x1f  "],
      [2, packed, true, "abc"],
    ] as const
  ) {
    const whole = typeof then === "string" ? bytesOf(then) : then;
    await withFile(whole.subarray(0, first), async (file, path) => {
      const into = new Uint8Array(9);
      assert.equal(file.isCompressed, first === 2);
      if (first < 2) {
        assert.deepEqual([await file.content.read(0, into), file.content.storedBytesAt(5)], [0, 0]);
      }
      await Deno.writeFile(path, whole);
      await file.look();
      assert.equal(file.isCompressed, isCompressed);
      const { content: seen } = file;
      await file.look();
      assert.equal(file.content, seen, "it is looked at once");
      const count = await file.content.read(0, into);
      assert.equal(new TextDecoder().decode(into.subarray(0, count)), content);
      assert.equal(await file.size(), whole.length);
    });
  }
  // One byte of a line is enough.
  await withFile("x", async (file) => {
    assert.equal(await file.content.read(0, new Uint8Array(9)), 1);
  });
});

Deno.test("a file is known by the bytes at its beginning that were read, and by those before the mark", () =>
  withFile("x".repeat(1000) + "y".repeat(2000), async (file, path) => {
    const content = await Deno.readFile(path);
    const { device, inode } = file;
    for (
      const [at, first, lastFrom] of [
        [0, 0, undefined],
        [1, 1, undefined],
        [1024, 1024, undefined],
        [1025, PRINT_MAX, 1],
        [3000, PRINT_MAX, 3000 - PRINT_MAX],
      ] as const
    ) {
      assert.deepEqual(await file.markAt({ at, isInside: true, headerAt: 3 }, "/named/now"), {
        ...{ at, isInside: true, headerAt: 3, device, inode, first, path: "/named/now" },
        print: printOf(content.subarray(0, first)),
        lastPrint: lastFrom === undefined ? undefined : printOf(content.subarray(lastFrom, at)),
      });
    }
  }));

Deno.test("a compressed file is known by its beginning alone, however much is in it", () =>
  withFile(gzipSync("x".repeat(5000)), async (file, path) => {
    const size = await file.size();
    assert.ok(size < PRINT_MAX);
    const mark = await file.markAt(pointAt(5000), path);
    assert.deepEqual([mark.first, mark.lastPrint], [size, undefined]);
    assert.equal(await file.holds(mark), true);
    await Deno.truncate(path, size - 1);
    assert.equal(await file.holds(mark), false);
  }));

Deno.test("a file holds a mark as long as what was read of it stands there", async () => {
  const text = `${"x".repeat(1500)}${"y".repeat(1500)}`;
  for (
    const [what, at, now, isHeld] of [
      ["as it was", 2500, text, true],
      ["longer", 3000, `${text}z`, true],
      ["shorter, but not than what was read", 2500, text.slice(0, 2500), true],
      ["shorter than what was read", 2500, text.slice(0, 2499), false],
      ["shorter than its print", 900, text.slice(0, 899), false],
      ["another beginning", 2500, `X${text.slice(1)}`, false],
      ["another byte before the mark", 2500, `${text.slice(0, 2499)}Y${text.slice(2500)}`, false],
      ["another byte behind the mark", 2500, `${text.slice(0, 2500)}Y${text.slice(2501)}`, true],
      ["nothing was read", 0, "", true],
    ] as const
  ) {
    await withFile(text, async (file, path) => {
      const mark = await file.markAt(pointAt(at), path);
      await Deno.writeTextFile(path, now);
      assert.equal(await file.holds(mark), isHeld, what);
      // An earlier version has noted no print before the mark.
      const early = { ...mark, lastPrint: undefined };
      assert.equal(await file.holds(early), isHeld || what === "another byte before the mark", what);
    });
  }
});

Deno.test("a file is deleted once no name leads to it", () =>
  withFile("abc", async (file, path) => {
    assert.equal(await file.isDeleted(), false);
    await Deno.link(path, `${path}.1`);
    await Deno.remove(path);
    assert.equal(await file.isDeleted(), false);
    await Deno.remove(`${path}.1`);
    assert.equal(await file.isDeleted(), true);
    assert.equal(await file.size(), 3);
  }));

Deno.test("a file that is closed says that it cannot be read, whatever is asked of it", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    await Deno.writeTextFile(path, "");
    const file = await OpenFile.open(path);
    file.close();
    const mark = { ...pointAt(0), device: 0, inode: 0, first: 0, print: "", lastPrint: undefined, path };
    for (
      const asked of [file.size(), file.isDeleted(), file.look(), file.holds(mark), file.markAt(mark, path)]
    ) {
      const { kind, message } = await errorOf(asked);
      assert.deepEqual([kind, message.startsWith(`${path} cannot be read: `)], ["unavailable", true]);
    }
  }));

Deno.test("what the file system says is told with what to do", () => {
  const known = new SourceError("garbage", "known");
  assert.equal(sourceError("/a", known), known);
  for (
    const [error, kind, message] of [
      [new Deno.errors.NotFound(), "unavailable", "/a: there is no such file"],
      [new Deno.errors.NotADirectory(), "unavailable", "/a: there is no such file"],
      [
        new Deno.errors.PermissionDenied(),
        "refused",
        "/a: the user that the handler runs as may not read it: give that user the right",
      ],
      [new Error("it burns"), "unavailable", "/a cannot be read: it burns"],
    ] as const
  ) {
    const said = sourceError("/a", error);
    assert.deepEqual([said.kind, said.message, said.cause], [kind, message, error]);
  }
});
