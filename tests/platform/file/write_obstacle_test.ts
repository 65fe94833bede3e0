import assert from "node:assert/strict";
import { directoryObstacle, writeObstacle } from "../../../src/platform/file/write_obstacle.ts";
import { SmallDisk } from "../../chaos/small_disk.ts";

Deno.test("whatever stands where a file or directory is to be made is named as what it is", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const at = (name: string) => `${directory}/${name}`;
    await Deno.symlink(at("nowhere"), at("link"));
    await Deno.writeTextFile(at("file"), "");
    await Deno.mkdir(at("below"));
    await Deno.symlink(at("below"), at("fine"));
    const named: [string, RegExp | undefined, RegExp | undefined][] = [
      ["new", undefined, undefined],
      ["new/and/below", undefined, undefined],
      ["fine", /fine is a directory$/, undefined],
      ["fine/new", undefined, undefined],
      ["file", undefined, /file is no directory$/],
      ["file/x", /file is no directory$/, /file is no directory$/],
      ["below", /below is a directory$/, undefined],
      ["link", /link is a link to .*nowhere, which is not there$/, /link is a link to .*nowhere, which/],
      ["link/x/y", /link is a link to .*nowhere, which is not there$/, /link is a link to .*nowhere, which/],
    ];
    for (const [name, ofFile, ofDirectory] of named) {
      assertSaid(writeObstacle(at(name)), ofFile, name);
      assertSaid(directoryObstacle(at(name)), ofDirectory, name);
    }
    assertSaid(writeObstacle("/dev/null"), /\/dev\/null is neither a file nor a directory$/, "/dev/null");
    assertSaid(directoryObstacle("/dev/null"), /\/dev\/null is neither a file nor a directory$/, "/dev/null");
    const left = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    assert.deepEqual(left, ["below", "file", "fine", "link"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test({
  name: "a disk that is full is told, and nothing of the trial stays there",
  ignore: SmallDisk.obstacle() !== undefined,
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      await using disk = SmallDisk.mount(directory);
      assert.equal(writeObstacle(`${directory}/new`), undefined);
      disk.fill();
      assertSaid(writeObstacle(`${directory}/new`), /nothing can be made in .*: no space left on device/, "");
      assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["ballast"]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

function assertSaid(said: string | undefined, expected: RegExp | undefined, what: string): void {
  if (expected === undefined) assert.equal(said, undefined, what);
  else assert.match(said ?? "nothing", expected, what);
}
