import assert from "node:assert/strict";
import { parseCommandLine } from "../../src/cli/command_line.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { ConfigError } from "../../src/settings/fault.ts";

const SILENT = { writeOut: () => {}, writeErr: () => {} };
const parse = (...args: string[]) => parseCommandLine(args, REGISTRY, SILENT);

Deno.test("an unknown command is told with the nearest one and the list, and its flags are not judged", () => {
  const { faults, help } = parse("stauts", "--json", "--nonsense");
  assert.deepEqual(faults.map(({ subject, problem }) => `${subject} ${problem}`), [
    "stauts is no command; did you mean status?",
  ]);
  assert.match(faults[0]!.allowed!, /^run, once, /);
  assert.equal(help, "--help");
});

Deno.test("an unknown second word is told in the same way", () => {
  assert.throws(() => parse("dead-letters", "lst"), (error: unknown) => {
    assert.ok(error instanceof ConfigError);
    assert.match(
      error.message,
      /dead-letters lst is no command; did you mean list\? Allowed: list, export, retry, purge\./,
    );
    assert.match(error.message, /Run `vabus-data-handler dead-letters --help`/);
    return true;
  });
  assert.throws(() => parse("dead-letters", "--json=s3cr3t"), (error: unknown) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /--json comes too early/);
    assert.doesNotMatch(error.message, /s3cr3t/);
    return true;
  });
});

Deno.test("a command said twice, a flag without its dashes and a stray word are told as what they are", () => {
  const told = (...args: string[]) =>
    parse(...args).faults.map(({ subject, problem }) => `${subject} ${problem}`);
  assert.deepEqual(told("run", "run"), ["run is there twice"]);
  assert.deepEqual(told("verison"), ["verison is no command; did you mean --version?"]);
  assert.deepEqual(told("run", "--take-over=yes"), [
    "--take-over takes no value; leave out what stands behind it",
  ]);
  assert.match(told("run", "sqlite")[0]!, /belongs to no flag; run takes flags alone/);
});

Deno.test("flags of the default command and of others are understood", () => {
  assert.deepEqual(parse("--log-level", "warn").flags, { LOG_LEVEL: "warn" });
  assert.equal(parse("dead-letters", "list", "--json").command.name, "dead-letters list");
  const { faults, help } = parse("check", "--agregation-interval", "5");
  assert.match(faults[0]!.problem, /is no flag of check; did you mean --aggregation-interval\?/);
  assert.equal(help, "check --help");
});

Deno.test("every command tells the version", () => {
  const list = /^run, once, .*/.exec(parse("stauts").faults[0]!.allowed!)![0];
  const commands = list.replace(/\.$/, "").split(", ");
  assert.ok(commands.length >= 12, list);
  for (
    const command of [
      ...commands,
      "dead-letters list",
      "dead-letters export",
      "dead-letters retry",
      "dead-letters purge",
    ]
  ) {
    let said = "";
    const show = { ...SILENT, writeOut: (text: string) => void (said += text) };
    assert.throws(() => parseCommandLine([...command.split(" "), "--version"], REGISTRY, show), {
      code: "commander.version",
    }, command);
    assert.match(said, /^vabus-data-handler \d+\.\d+\.\d+.*\n$/, command);
  }
});
