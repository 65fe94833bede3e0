import assert from "node:assert/strict";
import { type Environment, PATIENCE_MS, Program, runCheck, until } from "../support/executable.ts";

/** That `check` and `run` say it in the same words, and neither is content. The log is to be text. */
export async function assertBothSay(words: RegExp, environment: Environment): Promise<void> {
  const check = await runCheck(environment);
  const failed = check.stdout.split("\n").filter((line) => line.startsWith("FAILED"));
  const said = failed.map((line) => words.exec(line)?.[0]).find((found) => found !== undefined);
  assert.ok(said !== undefined, `check does not say ${words}:\n${check.stdout}\n${check.stderr}`);
  assert.equal(check.code, 1);
  await using run = Program.start(["run"], environment);
  await until(
    () =>
      run.stderr.includes(said) || run.exitCode !== undefined ||
      run.stderr.includes("cannot deliver"),
    () => `run to say "${said}" in\n${run.stderr}`,
    PATIENCE_MS,
  );
  assert.ok(run.stderr.includes(said), `run says something else than "${said}":\n${run.stderr}`);
}
