/** What Tab completes, asked in the shells themselves. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureProgram } from "../../scripts/debian.ts";
import { bashScript } from "../../src/cli/completion/bash.ts";
import { fishScript } from "../../src/cli/completion/fish.ts";
import { type Flag, wordsOfProgram } from "../../src/cli/completion/words.ts";
import { zshScript } from "../../src/cli/completion/zsh.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { temporaryDirectory } from "../support/executable.ts";

const PROGRAM = "vabus-data-handler";
const WORDS = wordsOfProgram(REGISTRY);
const SCRIPTS = { bash: bashScript(WORDS), zsh: zshScript(WORDS), fish: fishScript(WORDS) };

/** What is typed after the program's name, and what is offered. Two names in the directory begin with pl. */
const CASES: readonly (readonly [typed: string, offered: readonly string[]])[] = [
  ["", WORDS.first.map(({ word }) => word)],
  ["sta", ["status"]],
  ["dead-letters ", ["export", "list", "purge", "retry"]],
  ["completion ", ["bash", "fish", "zsh"]],
  ["flink ", ["check"]],
  ["dead-letters list --", flagsOf("dead-letters list")],
  ["run --", flagsOf("run")],
  ["flink check --ga", ["--gateway"]],
  ["flink --su", ["--submit"]],
  ["--kafka-de", ["--kafka-delivery"]],
  ["status --watch --js", ["--json"]],
  ["run --log-level ", ["debug", "error", "info", "warn"]],
  ["run --log-level wa", ["warn"]],
  ["--storage-type sq", ["sqlite"]],
  ["bus --when-full ", ["drop-oldest", "refuse"]],
  ["run --kafka-ssl=", ["false", "true"]],
  ["run --log-level=wa", ["warn"]],
  ["run --state-dir pl", ["plant data"]],
  ["run --env-file pl", ["plant data", "plant.env"]],
  ["run --vabus-token-file plant.", ["plant.env"]],
  ["run --vabus-url ", []],
];

function flagsOf(command: string): string[] {
  return WORDS.commands.find(({ name }) => name === command)!.flags.map(({ name }) => name);
}

for (const shell of ["bash", "zsh", "fish"] as const) {
  Deno.test(`${shell} completes commands, flags, values and paths`, async () => {
    await ensureProgram(shell);
    await using directory = await temporaryDirectory();
    await Deno.mkdir(join(directory.path, "plant data"));
    await Deno.writeTextFile(join(directory.path, "plant.env"), "");
    await Deno.writeTextFile(join(directory.path, "script"), SCRIPTS[shell]);
    const lines = CASES.map(([typed]) => `${PROGRAM} ${typed}`);
    await Deno.writeTextFile(join(directory.path, "lines"), lines.map((line) => `${line}\n`).join(""));
    const driver = fileURLToPath(new URL(`completion.${shell}`, import.meta.url));
    const { stdout, stderr } = await new Deno.Command(shell, {
      args: shell === "bash"
        ? ["--norc", driver]
        : shell === "zsh"
        ? ["-f", driver]
        : ["--no-config", driver],
      cwd: directory.path,
      env: { HOME: directory.path, TERM: "dumb" },
      stdin: "null",
    }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    const answers = new TextDecoder().decode(stdout).split(/^> /m).slice(1)
      .map((answer) => answer.split("\n").slice(1).map(bare).filter((word) => word !== ""));
    assert.equal(answers.length, CASES.length);
    for (const [index, [typed, offered]] of CASES.entries()) {
      assert.deepEqual([...new Set(answers[index])].sort(), offered.toSorted(), `${shell}: ${typed}`);
    }
  });
}

/** An offer without its explanation, its flag, the mark of a directory and quotes. */
function bare(line: string): string {
  return line.split("\t")[0]!.replace(/^--[a-z-]+=/, "").replace(/\/$/, "").replaceAll("\\ ", " ");
}

Deno.test("a flag has the same kind of value in every command", () => {
  const kinds = new Map<string, string>();
  for (const { name, value } of WORDS.commands.flatMap(({ flags }): readonly Flag[] => flags)) {
    const kind = JSON.stringify(value ?? "none");
    assert.equal(kinds.get(name) ?? kind, kind, name);
    kinds.set(name, kind);
  }
  assert.ok(kinds.size > 100);
});
