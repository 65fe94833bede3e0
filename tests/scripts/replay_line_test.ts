import assert from "node:assert/strict";
import { replayLine } from "../../scripts/replay_line.ts";
import fc from "../support/fast_check.ts";

/** What a target of the Makefile gets when the line is typed into a shell. */
async function argumentsOf(line: string): Promise<string[]> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-replay-" });
  try {
    await Deno.writeTextFile(`${directory}/Makefile`, "test:\n\t@printf '%s\\0' $(ARGS)\n");
    const { success, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", line],
      cwd: directory,
      // A make above us would have its word in this one too.
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "" },
    })
      .output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a replay line is what one would write by hand", () => {
  assert.equal(
    replayLine("test", ["tests/e2e/once_test.ts", "--filter", "ends at once"]),
    `make test ARGS="tests/e2e/once_test.ts --filter 'ends at once'"`,
  );
});

Deno.test("a replay line brings every argument through both shells and make", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: fc.constantFrom(..."ab '\"`$\\#%=()!*?[]{}~&|;<>:/@é") }), {
        minLength: 1,
        maxLength: 4,
      }),
      async (args) => assert.deepEqual(await argumentsOf(replayLine("test", args)), args),
    ),
    { numRuns: 100 },
  );
});
