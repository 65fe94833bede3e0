import assert from "node:assert/strict";
import {
  createOwn,
  openOwn,
  readNamed,
  readOwn,
  UnfitFile,
} from "../../../src/platform/file/regular_file.ts";

function makeDirectory() {
  const path = Deno.makeTempDirSync({ prefix: "vabus-file-test-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

function makePipe(path: string): void {
  assert.ok(new Deno.Command("mkfifo", { args: [path] }).outputSync().success);
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("a file of our own is made for its user alone, whatever the umask, and opened as it is", () => {
  using at = makeDirectory();
  const before = Deno.umask(0);
  try {
    openOwn(`${at.path}/own`).close();
    createOwn(`${at.path}/made`);
    createOwn(`${at.path}/shared`, 0o640);
  } finally {
    Deno.umask(before);
  }
  const modes = ["own", "made", "shared"].map((name) => Deno.statSync(`${at.path}/${name}`).mode! & 0o777);
  assert.deepEqual(modes, [0o600, 0o600, 0o640]);
  Deno.writeTextFileSync(`${at.path}/own`, "what was there");
  openOwn(`${at.path}/own`).close();
  assert.equal(text(readOwn(`${at.path}/own`)), "what was there");
  assert.throws(() => createOwn(`${at.path}/own`), Deno.errors.AlreadyExists);
});

Deno.test("no link is followed to what it leads to, there or not", () => {
  using at = makeDirectory();
  const victim = `${at.path}/victim`;
  Deno.writeTextFileSync(victim, "precious");
  Deno.symlinkSync(victim, `${at.path}/link`);
  Deno.symlinkSync(`${at.path}/nothing`, `${at.path}/dangling`);
  for (const name of ["link", "dangling"]) {
    for (const open of [openOwn, readOwn]) assert.throws(() => open(`${at.path}/${name}`), UnfitFile);
    assert.throws(() => createOwn(`${at.path}/${name}`));
  }
  assert.equal(Deno.readTextFileSync(victim), "precious");
  assert.throws(() => Deno.lstatSync(`${at.path}/nothing`), Deno.errors.NotFound);
});

Deno.test("pipes, devices and directories are refused at once", () => {
  using at = makeDirectory();
  makePipe(`${at.path}/pipe`);
  for (const path of [`${at.path}/pipe`, at.path, "/dev/zero", "/dev/null"]) {
    assert.throws(() => openOwn(path), Error, path);
    assert.throws(() => readOwn(path), UnfitFile);
  }
  for (const path of [`${at.path}/pipe`, at.path, "/dev/zero", "/dev/tty"]) {
    assert.throws(() => readNamed(path, 100), Error, path);
  }
});

Deno.test("a named file is read through links and up to its bound; the null device is an empty one", () => {
  using at = makeDirectory();
  Deno.writeTextFileSync(`${at.path}/named`, "0123456789");
  Deno.symlinkSync("named", `${at.path}/link`);
  assert.equal(text(readNamed(`${at.path}/link`, 10)), "0123456789");
  assert.throws(() => readNamed(`${at.path}/link`, 9), UnfitFile);
  assert.equal(readNamed("/dev/null", 10).length, 0);
  assert.throws(() => readNamed(`${at.path}/nothing`, 10), Deno.errors.NotFound);
});
