/**
 * Runs the tests that drive the program against one that is slow at random moments (`slow_down.ts`). A test
 * that is red there depends on how fast the program is, or the program tells something before it is so.
 *
 *   make slow
 *   make slow ARGS="tests/e2e/tour_test.ts"
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What a build needs. */
const COPIED = ["src", "scripts", "docs", "assembly", "deno.json", "deno.lock"];
/** Loaded first by all that is not the version. */
const PROGRAM = "src/cli/program.ts";
const DRIVING = ["tests/e2e", "tests/demo", "tests/deploy", "tests/dashboard"];

async function deno(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", ...args],
    cwd,
    env,
    stdin: "null",
  }).spawn().status;
  if (!success) Deno.exitCode = 1;
  return success;
}

const directory = Deno.makeTempDirSync({ prefix: "vabus-slow-" });
try {
  const tree = join(directory, "tree");
  for (const path of COPIED) cpSync(join(ROOT, path), join(tree, path), { recursive: true });
  cpSync(join(ROOT, "tests/slow/slow_down.ts"), join(tree, "src/cli/slow_down.ts"));
  const program = await Deno.readTextFile(join(tree, PROGRAM));
  await Deno.writeTextFile(join(tree, PROGRAM), `import "./slow_down.ts";\n${program}`);
  const executable = join(directory, "vabus-data-handler");
  if (await deno(tree, ["scripts/build.ts", "--form", "self-extracting", "--output", executable])) {
    // Another user may run it.
    for (const path of [directory, executable]) await Deno.chmod(path, 0o755);
    const tests = Deno.args.length > 0 ? Deno.args : DRIVING;
    await deno(ROOT, ["scripts/test.ts", ...tests], { VABUS_BIN: executable });
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
