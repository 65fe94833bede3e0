/** install.sh from the directory of a release: the service, and the way back. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { platformHere } from "../../scripts/platforms.ts";
import { temporaryDirectory } from "../support/executable.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NAME = "vabus-data-handler";
const UNIT = `etc/systemd/system/${NAME}.service`;
const SETTINGS = `etc/${NAME}/env`;

/** A release in `release` below the directory, whose executable only says its version. */
async function layOutRelease(directory: string): Promise<void> {
  const release = join(directory, "release");
  await Deno.mkdir(release);
  const files = {
    [platformHere().fileName]: "#!/bin/sh\necho its version\n",
    [`${NAME}.service`]: await Deno.readTextFile(join(ROOT, "deploy/systemd", `${NAME}.service`)),
    [`${NAME}.env`]: "#LOG_LEVEL=info\n",
  };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(release, name), text);
  const sums = Object.entries(files).map(([name, text]) =>
    `${createHash("sha256").update(text).digest("hex")}  ${name}\n`
  );
  await Deno.writeTextFile(join(release, "SHA256SUMS"), sums.join(""));
  await Deno.copyFile(join(ROOT, "scripts/install.sh"), join(release, "install.sh"));
}

/** Runs it for a file system of its own, in which nothing is started. Programs in `tools` come first. */
function install(directory: string, ...args: string[]): Promise<{ code: number; text: string }> {
  return installTo(join(directory, "usr"), directory, ...args);
}

async function installTo(
  prefix: string,
  directory: string,
  ...args: string[]
): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: [join(directory, "release/install.sh"), ...args],
    clearEnv: true,
    cwd: directory,
    env: { PATH: `${directory}/tools:${Deno.env.get("PATH")}`, PREFIX: prefix, DESTDIR: directory },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stderr) + decoder.decode(stdout) };
}

Deno.test("from a release beside it, it installs the service, keeps settings, and says what comes next", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  await layOutRelease(root);
  const { code, text } = await install(root, "--service");
  assert.equal(code, 0, text);
  assert.match(text, new RegExp(`^its version is now ${root}/usr/bin/${NAME}$`, "m"));
  const commands = text.trim().split("\n").slice(-3).map((line) => line.trim());
  assert.deepEqual(commands, [
    `${root}/usr/bin/${NAME} check --env-file /${SETTINGS}`,
    `systemctl start ${NAME}`,
    `${root}/usr/bin/${NAME} status`,
  ]);
  const unit = await Deno.readTextFile(join(root, UNIT));
  assert.match(unit, new RegExp(`^ExecStart=${root}/usr/bin/${NAME} run --env-file /${SETTINGS}$`, "m"));
  assert.equal((await Deno.stat(join(root, SETTINGS))).mode! & 0o777, 0o640);

  await Deno.writeTextFile(join(root, SETTINGS), "LOG_LEVEL=warn\n");
  assert.equal((await install(root, "--service")).code, 0);
  assert.equal(await Deno.readTextFile(join(root, SETTINGS)), "LOG_LEVEL=warn\n");
});

Deno.test("--uninstall takes away executable and unit, and says what stays", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  await layOutRelease(root);
  assert.equal((await install(root, "--service")).code, 0);
  const { code, text } = await install(root, "--uninstall");
  assert.equal(code, 0, text);
  assert.match(text, /What stays: settings in .*, the state in .*, the user/);
  for (const path of [UNIT, `usr/bin/${NAME}`]) {
    await assert.rejects(Deno.stat(join(root, path)), Deno.errors.NotFound);
  }
  assert.ok((await Deno.stat(join(root, SETTINGS))).isFile);
});

Deno.test("a unit that is not the release's, or an argument that is not known, installs nothing", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  await layOutRelease(root);
  await Deno.writeTextFile(join(root, "release", `${NAME}.service`), "[Service]\nExecStart=/evil\n");
  const { code, text } = await install(root, "--service");
  assert.equal(code, 1);
  assert.match(text, /vabus-data-handler.service is not what was released.*Nothing was installed/s);
  await assert.rejects(Deno.stat(join(root, `usr/bin/${NAME}`)), Deno.errors.NotFound);
  assert.match((await install(root, "--servce")).text, /--servce is not known/);
  const both = await install(root, "--service", "--uninstall");
  assert.equal(both.code, 1);
  assert.match(both.text, /give one of them\. Nothing was changed/);
});

Deno.test("--uninstall where nothing is installed changes nothing, and names the other ways", async () => {
  await using directory = await temporaryDirectory();
  await layOutRelease(directory.path);
  const { code, text } = await install(directory.path, "--uninstall");
  assert.equal(code, 1);
  assert.match(text, /there is no .*PREFIX names another place; a package is removed by apt or dnf.*Nothing/);
});

for (
  const prefix of ["/home/plant/.local", "/root/.local", "relative", "/opt/va bus", "/opt/a|b", "/opt/a&b"]
) {
  Deno.test(`a service that could not run below ${prefix} is not installed`, async () => {
    await using directory = await temporaryDirectory();
    await layOutRelease(directory.path);
    const { code, text } = await installTo(prefix, directory.path, "--service");
    assert.equal(code, 1, text);
    assert.match(text, /PREFIX.*Nothing was changed/);
    await assert.rejects(Deno.stat(join(directory.path, UNIT)), Deno.errors.NotFound);
  });
}

for (const [path, what] of [[UNIT, "unit"], [SETTINGS, "settings"]] as const) {
  Deno.test(`a disk that is full leaves no ${what} in part, and what was there stays`, async () => {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    await layOutRelease(root);
    // It writes a part of that file, as on a disk that becomes full.
    const tools = join(root, "tools");
    await Deno.mkdir(tools);
    const full = `case $2 in */${path}*) echo '[Serv' >"$2"; echo 'No space left' >&2; exit 1 ;; esac`;
    await Deno.writeTextFile(join(tools, "cp"), `#!/bin/sh\n${full}\nexec /bin/cp "$@"\n`, { mode: 0o755 });
    await Deno.mkdir(join(root, "etc/systemd/system"), { recursive: true });
    await Deno.writeTextFile(join(root, UNIT), "before");
    const { code, text } = await install(root, "--service");
    assert.equal(code, 1);
    assert.match(text, /No space left\n.* cannot be written; the reason is above/);
    assert.equal(await Deno.readTextFile(join(root, UNIT)), "before");
    const left = await Array.fromAsync(Deno.readDir(join(root, path, "..")), ({ name }) => name);
    assert.deepEqual(left.filter((name) => name.endsWith(".new")), []);
    if (path === SETTINGS) assert.deepEqual(left, []);
  });
}
