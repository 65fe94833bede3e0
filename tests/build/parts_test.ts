/** The files that the bundler makes of the program. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The program, and what the bundler itself puts beside it. */
const FILES_AT_MOST = 3;

/** The files that are loaded with one, by what they import at once. */
function loadedWith(directory: string, first: string): ReadonlySet<string> {
  const loaded = new Set([first]);
  for (const name of loaded) {
    const text = readFileSync(join(directory, name), "utf8");
    for (const [, next] of text.matchAll(/(?:from|import) "\.\/([^"]+\.js)"/g)) loaded.add(next!);
  }
  return loaded;
}

Deno.test("what each start loads is in few files and in ASCII, since both save each start some time", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-parts-" });
  try {
    const output = join(directory, "files");
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--allow-all", join(ROOT, "scripts/build.ts"), "--form", "files"],
        // Nothing is started, so any file does as the runtime.
        ...["--runtime", join(ROOT, "Makefile"), "--output", output],
      ],
      cwd: ROOT,
      stdout: "null",
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const files = [...loadedWith(join(output, "program"), "program.js")];
    assert.ok(files.length <= FILES_AT_MOST, files.join("\n"));
    const all = globSync("program/*", { cwd: output });
    assert.ok(all.length > files.length);
    const wide = all.filter((name) => /[\u0080-\uffff]/.test(readFileSync(join(output, name), "utf8")));
    assert.deepEqual(wide, []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
