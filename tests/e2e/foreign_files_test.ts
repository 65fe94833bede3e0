/** Files of other users of the host that the program must not trust. */
import assert from "node:assert/strict";
import {
  assertNoStackTrace,
  type Environment,
  executablePath,
  type Output,
  runToEnd,
  surroundings,
  temporaryDirectory,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { handlerEnvironment } from "./plant.ts";

const isRoot = Deno.uid() === 0;
const STRANGER = 65532;
const LEFT_OUT = isRoot ? "" : " (left out: needs root)";

const environmentOf = (directory: string, more: Environment = {}) =>
  handlerEnvironment(`http://127.0.0.1:${freePort()}`, directory, more);

for (
  const name of [
    "lock",
    "commits",
    "state.sqlite",
    "state.sqlite-wal",
    "state.sqlite-shm",
    "state.sqlite.restored",
    "figures.ndjson",
  ]
) {
  for (const [kind, link] of [["symbolic link", Deno.symlink], ["hard link", Deno.link]] as const) {
    if (kind === "hard link" && !["lock", "state.sqlite-wal"].includes(name)) continue;
    Deno.test(`a ${kind} in the place of ${name} is refused, and what it leads to stays as it is`, async () => {
      await using directory = await temporaryDirectory();
      const environment = environmentOf(directory.path);
      const victim = `${directory.path}/victim`;
      await Deno.writeTextFile(victim, "precious");
      await Deno.mkdir(environment.STATE_DIR!, { mode: 0o700 });
      await link(victim, `${environment.STATE_DIR}/${name}`);
      for (const args of [["once"], ["status"], ["restore", "--from", victim, "--replace"]]) {
        const output = await runToEnd(args, environment);
        assert.equal(output.code, 2, output.stderr);
        assert.match(output.stderr, new RegExp(`${kind}.*STATE_DIR`, "s"));
        assertNoStackTrace(output);
      }
      assert.equal(await Deno.readTextFile(victim), "precious");
    });
  }
}

Deno.test("a state directory that everybody may write is refused, a private one below a link is not", async () => {
  await using directory = await temporaryDirectory();
  const environment = environmentOf(directory.path);
  await Deno.mkdir(environment.STATE_DIR!);
  await Deno.chmod(environment.STATE_DIR!, 0o777);
  const refused = await runToEnd(["once"], environment);
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /everybody may write/);
  await Deno.chmod(environment.STATE_DIR!, 0o700);
  await Deno.symlink("state", `${directory.path}/link`);
  const passed = await runToEnd(["once"], { ...environment, STATE_DIR: `${directory.path}/link` });
  assert.equal(passed.code, 75, passed.stderr);
});

Deno.test({
  name: `root works in no directory of another user, but may look at the state of a service${LEFT_OUT}`,
  ignore: !isRoot,
  fn: async () => {
    await using directory = await temporaryDirectory();
    const environment = environmentOf(directory.path);
    assert.equal((await runToEnd(["once"], environment)).code, 75);
    for (const name of [".", "state.sqlite", "lock", "commits"]) {
      await Deno.chown(`${environment.STATE_DIR}/${name}`, STRANGER, STRANGER);
    }
    for (const args of [["once"], ["restore", "--from", "/etc/hostname", "--replace"]]) {
      const refused = await runToEnd(args, environment);
      assert.equal(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, /belongs to the user with uid 65532/);
    }
    for (
      const args of [["status"], ["verify"], ["backup", "--to", `${directory.path}/b`], [
        "dead-letters",
        "list",
      ]]
    ) {
      const output = await runToEnd(args, environment);
      assert.doesNotMatch(output.stderr, /is not used/, args[0]);
    }
  },
});

Deno.test({
  name: "a service of another user works in its directory, below a link of root, and root's orders keep " +
    `it its own${LEFT_OUT}`,
  ignore: !isRoot,
  fn: async () => {
    await using directory = await temporaryDirectory();
    const service = `${directory.path}/private/service`;
    await Deno.mkdir(service, { recursive: true });
    for (const path of [directory.path, `${directory.path}/private`]) await Deno.chmod(path, 0o755);
    await Deno.chown(service, STRANGER, STRANGER);
    await Deno.symlink("private/service", `${directory.path}/service`);
    const executable = `${directory.path}/vabus-data-handler`;
    await Deno.copyFile(executablePath(), executable);
    await Deno.chmod(executable, 0o755);
    const environment = environmentOf(`${directory.path}/service`);
    const asService = ["setpriv", `--reuid=${STRANGER}`, `--regid=${STRANGER}`, "--clear-groups", executable];
    const once = await runIn(service, ["once"], environment, asService);
    assert.equal(once.code, 75, once.stderr);
    await Deno.remove(`${environment.STATE_DIR}/lock`);
    const purge = await runToEnd(["dead-letters", "purge", "--all"], environment);
    assert.equal(purge.code, 0, purge.stderr);
    const redeliver = await runToEnd(["redeliver", "--sink", "sqlite", "--since", "1"], environment);
    assert.equal(redeliver.code, 1, redeliver.stderr);
    for await (const { name } of Deno.readDir(environment.STATE_DIR!)) {
      assert.equal((await Deno.stat(`${environment.STATE_DIR}/${name}`)).uid, STRANGER, name);
    }
    assert.equal((await runIn(service, ["once"], environment, asService)).code, 75);
    const backup = `${directory.path}/backup`;
    assert.equal((await runToEnd(["backup", "--to", backup], environment)).code, 0);
    const restored = { ...environment, STATE_DIR: `${service}/restored` };
    const unread = await runIn(service, ["restore", "--from", backup], restored, asService);
    assert.match(unread.stderr, /the backup .*backup cannot be read: Permission denied/);
    await Deno.chmod(backup, 0o644);
    const read = await runIn(service, ["restore", "--from", backup], restored, asService);
    assert.equal(read.code, 0, read.stderr);
  },
});

Deno.test("an .env that others may write is named and not read; --env-file is the operator's word", async () => {
  await using directory = await temporaryDirectory();
  const environment = environmentOf(directory.path);
  await Deno.writeTextFile(`${directory.path}/.env`, "LOG_LEVEL=debug\n");
  await Deno.chmod(`${directory.path}/.env`, 0o666);
  const refused = await runIn(directory.path, ["once"], environment);
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /\.env in the working directory is not read: everybody may write.*--env-file/);
  const named = await runIn(directory.path, ["once", "--env-file", ".env"], environment);
  assert.equal(named.code, 75, named.stderr);
});

Deno.test("pipes and devices that settings name hold nothing up", async () => {
  await using directory = await temporaryDirectory();
  const environment = environmentOf(directory.path);
  const pipe = `${directory.path}/pipe`;
  assert.ok((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
  for (const path of [pipe, "/dev/zero"]) {
    for (
      const args of [
        ["check", "--env-file", path],
        ["check", "--vabus-token-file", path],
        ["check", "--vabus-ca-file", path],
      ]
    ) {
      const output = await runToEnd(args, environment);
      assert.equal(output.code, 2, output.stderr);
      assert.match(output.stderr, /is no regular file/);
    }
  }
  await Deno.mkdir(environment.STATE_DIR!, { mode: 0o700 });
  assert.ok(
    (await new Deno.Command("mkfifo", { args: [`${environment.STATE_DIR}/commits`] }).output()).success,
  );
  for (const args of [["once"], ["status"]]) {
    const output = await runToEnd(args, environment);
    assert.equal(output.code, 2, output.stderr);
  }
});

async function runIn(
  cwd: string,
  args: readonly string[],
  environment: Environment,
  [command, ...before]: readonly string[] = [executablePath()],
): Promise<Output> {
  const { code, stdout, stderr } = await new Deno.Command(command!, {
    args: [...before, ...args],
    cwd,
    clearEnv: true,
    env: { ...surroundings(cwd), ...environment },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
