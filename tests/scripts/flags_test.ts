/** What the targets of the Makefile that are scripts say of flags that there are not. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { outcomeOf } from "../support/outcome.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** These hand their arguments on: to the demo, and to `deno test`. */
const OTHERS_FLAGS = ["src/main.ts", "scripts/test.ts", "tests/slow/run.ts"];

const makefile = await Deno.readTextFile(`${ROOT}/Makefile`);
const scripts = [...makefile.matchAll(/ run --allow-all (\S+\.ts).* \$\(ARGS\)$/gm)].map(([, path]) => path!)
  .filter((path) => !OTHERS_FLAGS.includes(path));

async function refusal(script: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await outcomeOf(
    Deno.execPath(),
    ...["run", "--quiet", "--allow-all", `${ROOT}/${script}`, ...args],
  );
  assert.equal(code, 2, `${script}: ${stdout}${stderr}`);
  assert.equal(stdout, "", script);
  assert.equal(stderr.trimEnd().split("\n").length, 1, `${script}: ${stderr}`);
  return stderr;
}

Deno.test("a flag that a script does not have is told in one line, with exit code 2", async () => {
  assert.ok(scripts.length > 10, scripts.join());
  for (const script of scripts) assert.match(await refusal(script, "--no-such-flag"), /'--no-such-flag'/);
});

Deno.test("the benchmark says which program is not there", async () => {
  const said = await refusal("bench/run.ts", "--only", "startup", "--program", "/nowhere");
  assert.equal(said, "--program /nowhere: there is no such file.\n");
});

Deno.test("a path of no test, and a value that cannot be, are told in the same way", async () => {
  assert.match(await refusal("scripts/test.ts", "tests/no-such"), /^tests\/no-such: there is no such file/);
  assert.match(await refusal("tests/sim/run.ts", "--seed", "x"), /^--seed, .* are numbers/);
  assert.match(await refusal("tests/sim/run.ts", "--bus", "none"), /^--bus is one of /);
});
