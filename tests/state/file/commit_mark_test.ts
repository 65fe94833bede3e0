import assert from "node:assert/strict";
import { CommitMark } from "../../../src/state/file/commit_mark.ts";
import { openFilesOn } from "../../support/file_locks.ts";
import { inTemporaryDirectory } from "../inside.ts";

/** A mark in a directory, and what it promises of the state `id`. */
function withMark(work: (mark: CommitMark, promised: (id?: string) => number, path: string) => void): void {
  inTemporaryDirectory((directory) => {
    const mark = CommitMark.open(directory, "id");
    work(mark, (id = "id") => CommitMark.promised(directory, id), CommitMark.pathIn(directory));
    mark.close();
  });
}

Deno.test("a mark promises the commits that were written last, of its own state, while that is open", () =>
  withMark((mark, promised) => {
    assert.equal(promised(), 0, "nothing is known yet");
    for (const commits of [1, 2 ** 53 - 1, 7]) {
      mark.write({ commits, isClosed: false });
      assert.deepEqual([promised(), promised("another")], [commits, 0]);
    }
    mark.write({ commits: 8, isClosed: true });
    assert.equal(promised(), 0);
    mark.write({ commits: 9, isClosed: false });
    assert.equal(promised(), 9);
  }));

Deno.test("a mark is a line as it has always been", () =>
  withMark((mark, promised, path) => {
    mark.write({ commits: 5, isClosed: false });
    assert.equal(Deno.readTextFileSync(path), `id ${"5".padStart(16)} open   5acaeb5f\n`);
    mark.write({ commits: 5, isClosed: true });
    assert.match(Deno.readTextFileSync(path), /^id {16}5 closed [0-9a-f]{8}\n$/);
    assert.equal(promised(), 0);
  }));

Deno.test("a mark that is cut off, changed, or that something follows promises nothing", () =>
  withMark((mark, promised, path) => {
    mark.write({ commits: 12, isClosed: false });
    const whole = Deno.readFileSync(path);
    for (let at = 0; at < whole.length; at++) {
      Deno.writeFileSync(path, whole.subarray(0, at));
      assert.equal(promised(), 0, `cut at ${at}`);
      Deno.writeFileSync(path, whole.map((byte, i) => i === at ? byte ^ 1 : byte));
      assert.equal(promised(), 0, `byte ${at} changed`);
    }
    Deno.writeFileSync(path, Uint8Array.of(...whole, 10));
    assert.equal(promised(), 0);
    Deno.writeFileSync(path, whole);
    assert.equal(promised(), 12);
  }));

Deno.test("a mark that cannot be written keeps its promise, and is closed for good", () =>
  inTemporaryDirectory((directory) => {
    const mark = CommitMark.open(directory, "id");
    mark.write({ commits: 3, isClosed: false });
    mark.close();
    if (Deno.build.os === "linux") assert.equal(openFilesOn(CommitMark.pathIn(directory)), 0);
    mark.write({ commits: 4, isClosed: true });
    assert.equal(CommitMark.promised(directory, "id"), 3);
  }));
