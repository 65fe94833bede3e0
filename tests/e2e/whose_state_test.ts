/**
 * Commands in an operator's shell, on a host with a service: as systemd keeps its state, with a link of
 * root's in its place.
 */
import assert from "node:assert/strict";
import {
  executablePath,
  type Output,
  runCheck,
  runToEnd,
  surroundings,
  temporaryDirectory,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment } from "./plant.ts";

/** Users of the service and of somebody else. */
const SERVICE = 65_000;
const OTHER = 65_001;

/**
 * In a file system of its own, which takes root. An executable that unpacks itself takes longer for that than
 * these tests, so what root has of it in $XDG_CACHE_HOME is there for the others as well.
 */
const HOST = `
cd /
mount --bind "$TMPDIR/lib" /var/lib
umask 022
mkdir /var/lib/private
mkdir -m 700 /var/lib/private/vabus-data-handler
chown ${SERVICE}:${SERVICE} /var/lib/private/vabus-data-handler
ln -s private/vabus-data-handler /var/lib/vabus-data-handler
for user in ${SERVICE} ${OTHER}; do
  mkdir -m 700 "$TMPDIR/$user" "$TMPDIR/$user/.cache"
  if [ -d "$XDG_CACHE_HOME/vabus-data-handler" ]; then cp -r "$XDG_CACHE_HOME/vabus-data-handler" "$TMPDIR/$user/.cache"; fi
  chown -R "$user:$user" "$TMPDIR/$user"
done
as() {
  user=$1
  shift
  setpriv --reuid="$user" --regid="$user" --clear-groups env -u XDG_CACHE_HOME HOME="$TMPDIR/$user" TMPDIR="$TMPDIR/$user" "$@"
}
as ${SERVICE} env STATE_DIRECTORY=/var/lib/vabus-data-handler INSTANCE_ID=plant7 HTTP_LISTEN=off \\
  VABUS_URL="$BUS" "$PROGRAM" once 2>/dev/null || [ $? -eq 75 ]
chmod "$PRIVATE" /var/lib/private
mkdir "$TMPDIR/home"
export HOME="$TMPDIR/home"
`;

const ignore = !await canHaveHost();
const LEFT_OUT = ignore ? " (left out: needs root, setpriv and a mount namespace)" : "";

let unpacked: ({ path: string } & AsyncDisposable) | undefined;

Deno.test.beforeAll(async () => {
  if (ignore) return;
  unpacked = await temporaryDirectory();
  await runToEnd(["--version"], { XDG_CACHE_HOME: unpacked.path });
});

Deno.test.afterAll(async () => await unpacked?.[Symbol.asyncDispose]());

async function canHaveHost(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  try {
    const probe = new Deno.Command("unshare", {
      args: ["-m", "setpriv", "--reuid=1", "true"],
      stderr: "null",
    });
    return (await probe.output()).success;
  } catch {
    return false;
  }
}

/**
 * Runs a line of shell on such a host; `privateMode`: that of the directory that holds the states of all
 * services.
 */
async function onHost(line: string, privateMode = "700"): Promise<Output> {
  await using directory = await temporaryDirectory();
  await Deno.chmod(directory.path, 0o755);
  await Deno.mkdir(`${directory.path}/lib`);
  // Where it was built, other users may have no way to.
  const program = `${directory.path}/vabus-data-handler`;
  await Deno.copyFile(executablePath(), program);
  await Deno.chmod(program, 0o755);
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: [
      "-m",
      "sh",
      "-euc",
      `${HOST.replace('chmod "$PRIVATE"', `chmod 711 /var/lib/private; chmod ${privateMode}`)}${line}`,
    ],
    clearEnv: true,
    env: {
      ...surroundings(directory.path),
      PROGRAM: program,
      XDG_CACHE_HOME: unpacked!.path,
      BUS: `http://127.0.0.1:${freePort()}`,
    },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test({
  name: `root finds the service's state without being told where, and is told whose it is${LEFT_OUT}`,
  ignore,
  fn: async () => {
    const commands = [
      "status",
      "verify --json",
      "backup --to $TMPDIR/backup",
      "verify",
    ];
    const { code, stdout, stderr } = await onHost(
      commands.map((command) => `"$PROGRAM" ${command}\n`).join(""),
    );
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /plant7, not running/);
    assert.match(stdout, /"instance": "plant7"/);
    assert.match(stdout, /"state_file": "\/var\/lib\/vabus-data-handler\/state.sqlite"/);
    assert.match(stdout, /PROVEN/);
    assert.equal(
      stderr.match(/^state of plant7 in \/var\/lib\/vabus-data-handler\/state.sqlite$/gm)?.length,
      3,
      stderr,
    );
  },
});

for (const privateMode of ["700", "755"]) {
  Deno.test({
    name: "another user is told whose state it is and what to do, where what holds it has the mode " +
      `${privateMode}${LEFT_OUT}`,
    ignore,
    fn: async () => {
      const commands = ["status", "verify", "backup --to /tmp/never", "dead-letters list"];
      const { stdout, stderr } = await onHost(
        commands.map((command) =>
          `echo "${command}:"; echo "${command}:" >&2; as ${OTHER} "$PROGRAM" ${command} || echo ` +
          '"exit code $?"\n'
        ).join(""),
        privateMode,
      );
      assert.equal(stdout, commands.map((command) => `${command}:\nexit code 1\n`).join(""), stderr);
      const said = stderr.split("\n");
      for (const [i, command] of commands.entries()) {
        assert.equal(said[i * 2], `${command}:`, stderr);
        assert.match(said[i * 2 + 1]!, /\/var\/lib\/vabus-data-handler: it is the state of .*user.*sudo/);
      }
      assert.doesNotMatch(stderr, /internal error/);
    },
  });
}

Deno.test("secrets that only the service is given do not keep an operator from looking at its state", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path);
  await bus.publish([`{"name":"n","value":1,"timestamp":1000}`]);
  const round = await runToEnd(["once", "--flush"], environment);
  assert.equal(round.code, 0, round.stderr);
  const inShell = {
    ...environment,
    STORAGE_TYPE: "sqlite,postgres",
    VABUS_TOKEN_FILE: "/run/credentials/gone/vabus-token",
    POSTGRES_CONNECTION_STRING_FILE: "/run/credentials/gone/postgres",
  };
  for (const args of [["status"], ["backup", "--to", `${directory.path}/backup`], ["dead-letters", "list"]]) {
    const { code, stderr } = await runToEnd(args, inShell);
    assert.equal(code, 0, stderr);
  }
  const proof = await runToEnd(["verify"], inShell);
  assert.equal(proof.code, 1);
  assert.match(proof.stdout, /^sqlite +equal: 1 of 1 event/m);
  assert.match(
    proof.stdout,
    /^postgres +FAILED: POSTGRES_CONNECTION_STRING_FILE names a file that is not there/m,
  );
  const checked = await runCheck(inShell);
  assert.equal(checked.code, 2);
  assert.match(checked.stderr, /POSTGRES_CONNECTION_STRING_FILE[^]*VABUS_TOKEN_FILE/);
});
