/** What the executable may do, and what it says when it may not even that. */
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import {
  assertNoStackTrace,
  executablePath,
  type Output,
  PATIENCE_MS,
  Program,
  runCheck,
  runToEnd,
  surroundings,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { MACHINE_CLOCK } from "../support/wrong_clock.ts";
import { BusProgram, handlerEnvironment } from "./plant.ts";

Deno.test("the program starts no processes and loads no libraries", async () => {
  await using bus = await BusProgram.start();
  const [, ...args] = await commandLineOf(bus.program);
  assert.ok(args.includes("--no-prompt"));
  const allowed = args.filter((argument) => argument.startsWith("--allow"));
  assert.deepEqual(allowed.map((flag) => flag.split("=")[0]), [
    "--allow-net",
    "--allow-read",
    "--allow-write",
    "--allow-env",
    "--allow-sys",
  ]);
  assert.ok(allowed.includes("--allow-sys=hostname,uid,gid,userInfo,statfs"));
});

Deno.test("the demo starts the handler and nothing else, and the handler starts nothing", async () => {
  // With a library that is loaded before the program, the runtime wants the right to run any program.
  await using demo = Program.start(["demo", "--acts", "none", "--http-listen", "off"], MACHINE_CLOCK);
  const handlerOf = () => /kill -9 (\d+) +is for the handler/.exec(demo.stdout)?.[1];
  const handler = await until(handlerOf, "the handler", PATIENCE_MS, [demo]);
  const rights = async (pid: number) =>
    (await commandLineOf(demo, pid)).filter((argument) => argument.startsWith("--allow-run"));
  assert.deepEqual(await rights(demo.pid), [`--allow-run=${resolve(executablePath())}`]);
  assert.deepEqual(await rights(Number(handler)), []);
});

Deno.test({
  name: "no memory of it, secrets included, is left in a core dump",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using directory = await temporaryDirectory();
    const wrapper = join(directory.path, "wrapper");
    await Deno.writeTextFile(
      wrapper,
      `#!/bin/sh\nulimit -S -c "$(ulimit -H -c)"\nexec '${executablePath()}' "$@"\n`,
      {
        mode: 0o755,
      },
    );
    await using bus = Program.start(["bus", "--listen", "127.0.0.1:0"], {}, wrapper);
    await until(() => bus.stderr.includes("listening"), "the start", PATIENCE_MS, [bus]);
    assert.match(await Deno.readTextFile(`/proc/${bus.pid}/limits`), /^Max core file size +0 /m);
  },
});

for (
  const [missing, word] of [
    ["--allow-net", /net access/],
    ["--allow-write", /state directory|write access/],
    ["--allow-read", /read access/],
    ["--allow-env", /env access/],
    ["--allow-sys", /sys access/],
  ] as const
) {
  Deno.test(`without ${missing} it says what it lacks`, async () => {
    await using directory = await temporaryDirectory();
    await using bus = await BusProgram.start();
    const [deno, ...args] = await commandLineOf(bus.program);
    const program = args.findIndex((argument) => argument.endsWith("/main.mjs"));
    const reduced = args.slice(0, program + 1).filter((argument) => argument.split("=")[0] !== missing);
    const { code, stdout, stderr } = await new Deno.Command(deno!, {
      args: [...reduced, "check"],
      clearEnv: true,
      cwd: directory.path,
      env: { ...surroundings(directory.path), ...handlerEnvironment(bus.url, directory.path) },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    const output: Output = { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    assertNoStackTrace(output);
    if (missing === "--allow-write" && code === 0) return; // `check` writes nothing.
    assert.ok(code === 1 || code === 2, `${code}: ${output.stderr}`);
    assert.match(output.stderr + output.stdout, word);
  });
}

Deno.test("where the program may not go, no advice of the runtime is shown", async () => {
  await using directory = await temporaryDirectory();
  const metadata = "169.254.169.254";
  const buses = [
    "file:///etc/shadow",
    "file:///root/../etc/shadow?follow=true",
    "file:///proc/self/environ",
    "file:///root/.ssh/*",
    `nats://${metadata}:4222/S`,
    `listen://${metadata}:8086`,
  ];
  const sinks = {
    STORAGE_TYPE: "postgres",
    POSTGRES_CONNECTION_STRING: `postgres://u:p@${metadata}/x`,
    VABUS_TOKEN: "t",
  };
  const environment = { ...handlerEnvironment(buses.join(","), directory.path), ...sinks };
  const shown = [
    await runCheck(environment),
    await runCheck(environment, ["check", "--sample", "/etc/shadow"]),
    await runToEnd(["bus", "--tls-cert-file", "/etc/shadow", "--tls-key-file", "/etc/shadow"], {}),
  ];
  for (const output of shown) {
    assertNoStackTrace(output);
    assert.doesNotMatch(output.stdout + output.stderr, /--allow-|run again/);
    assert.match(output.stdout + output.stderr, /this program has no (?:read|all|net) access/);
    assert.doesNotMatch(output.stdout, /this program has no .*Is it running/);
  }
  assert.equal(shown[0]!.stdout.match(/^FAILED {2}(?:bus|sink) /gm)?.length, buses.length + 1);
});

/** What the executable has become: Deno, its flags, the program and its arguments. */
async function commandLineOf(program: Program, pid = program.pid): Promise<string[]> {
  const read = async () => (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0").slice(0, -1);
  return await until(
    async () => {
      const line = await read();
      return line.some((argument) => argument.endsWith("/main.mjs")) && line;
    },
    "the program",
    PATIENCE_MS,
    [program],
  );
}
