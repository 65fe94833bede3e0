/** The directory that the self-extracting executable unpacks itself into. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { assertSameBytes } from "../support/same_bytes.ts";
import { NAME, namesIn, PackedProgram, unpackedIn } from "./packed_program.ts";

let packed: PackedProgram;

Deno.test.beforeAll(async () => {
  packed = await PackedProgram.build();
});

Deno.test.afterAll(() => packed[Symbol.asyncDispose]());

Deno.test("unpacks once, readable by its user alone", async () => {
  const cache = await packed.usedCache();
  await packed.start(cache, ["echo"]);
  const unpacked = await unpackedIn(cache);
  const first = await Deno.stat(join(unpacked, NAME));
  await packed.start(cache, ["echo"]);
  const second = await Deno.stat(join(unpacked, NAME));
  assert.equal(first.ino, second.ino);
  assert.equal((await Deno.stat(unpacked)).mode! & 0o077, 0);
  assert.deepEqual(await namesIn(unpacked), ["checked", "deno_dir", "main.mjs", "program", "started", NAME]);
});

Deno.test("a start of what is unpacked runs few other programs, since each takes a millisecond", async () => {
  const cache = await packed.ownUsedCache();
  const bin = join(cache.TMPDIR, "bin");
  const log = join(bin, "log");
  await Deno.mkdir(bin, { recursive: true });
  const path = Deno.env.get("PATH")!;
  for (
    const tool of ["cat", "env", "find", "grep", "id", "ls", "mkdir", "sed", "sha256sum", "stat", "touch"]
  ) {
    const script = `#!/bin/sh\nPATH='${path}'\necho ${tool} >>'${log}'\nexec ${tool} "$@"\n`;
    await Deno.writeTextFile(join(bin, tool), script, { mode: 0o755 });
  }
  await packed.start({ ...cache, PATH: `${bin}:${path}` }, ["echo"], packed.smallExecutable);
  const started = (await Deno.readTextFile(log)).trim().split("\n");
  assert.deepEqual(started, ["ls", "stat", "cat", "env", "env"]);
});

Deno.test("a cache is one directory to the runtime, by whatever links it is reached", async () => {
  const cache = await packed.ownUsedCache();
  const link = `${cache.XDG_CACHE_HOME}-link`;
  await Deno.symlink(cache.XDG_CACHE_HOME, link);
  const paths = await Promise.all([cache.XDG_CACHE_HOME, link].map(async (XDG_CACHE_HOME) => {
    const { stdout } = await packed.start({ ...cache, XDG_CACHE_HOME }, ["echo"], packed.smallExecutable);
    return JSON.parse(stdout).path;
  }));
  assert.equal(paths[1], paths[0]);
});

Deno.test("first starts at the same moment both work", async () => {
  const cache = await packed.freshCache();
  const starts = await Promise.all([1, 2].map(() => packed.start(cache, ["echo"])));
  assert.deepEqual(starts.map(({ code }) => code), [7, 7], starts.map(({ stderr }) => stderr).join());
  assert.deepEqual(await namesIn(await unpackedIn(cache)), [
    "checked",
    "deno_dir",
    "main.mjs",
    "program",
    "started",
    NAME,
  ]);
});

Deno.test("makes a damaged cache anew", async () => {
  const cache = await packed.ownUsedCache();
  const unpacked = await unpackedIn(cache);
  await Deno.truncate(join(unpacked, NAME), 1000);
  assert.equal((await packed.start(cache, ["echo"], packed.smallExecutable)).code, 7);
  await Deno.remove(join(unpacked, "program/program.js"));
  assert.equal((await packed.start(cache, ["echo"], packed.smallExecutable)).code, 7);
});

Deno.test("a file in the cache that holds something else is not run, whatever its size and date", async () => {
  const cache = await packed.ownUsedCache();
  const unpacked = await unpackedIn(cache);
  for (const name of ["program/program.js", "main.mjs", NAME]) {
    const path = join(unpacked, name);
    const whole = await Deno.readFile(path);
    const { atime, mtime } = await Deno.stat(path);
    const changed = whole.slice();
    changed[changed.length >> 1]! ^= 1;
    await Deno.writeFile(path, changed);
    await Deno.utime(path, atime!, mtime!);
    assert.equal((await packed.start(cache, ["echo"], packed.smallExecutable)).code, 7);
    assertSameBytes(await Deno.readFile(path), whole, name);
  }
});

Deno.test({
  name: `does not unpack into a directory whose owner could replace it, sticky as it may be${
    Deno.uid() === 0 ? "" : " (left out: needs root)"
  }`,
  ignore: Deno.uid() !== 0,
  fn: async () => {
    const { TMPDIR } = await packed.freshCache();
    await Deno.chmod(TMPDIR, 0o1777);
    assert.equal((await packed.start({ TMPDIR }, ["echo"], packed.smallExecutable)).code, 7);
    await Deno.remove(TMPDIR, { recursive: true });
    await Deno.mkdir(TMPDIR);
    await Deno.chmod(TMPDIR, 0o1777);
    await Deno.chown(TMPDIR, 65532, 65532);
    assert.equal((await packed.start({ TMPDIR }, ["echo"], packed.smallExecutable)).code, 1);
    const cache = await packed.freshCache();
    await Deno.chown(cache.XDG_CACHE_HOME, 65532, 65532);
    assert.equal((await packed.start(cache, ["echo"], packed.smallExecutable)).code, 7);
    assert.equal((await namesIn(cache.TMPDIR)).length, 1, "another user's cache is not used");
  },
});

Deno.test("removes versions that were not started for a month, and nothing else", async () => {
  const cache = await packed.freshCache();
  const base = join(cache.XDG_CACHE_HOME, NAME);
  const longAgo = new Date("2001-01-01");
  const make = async (name: string, isOld: boolean, startedLongAgo?: boolean) => {
    const [version, started] = [join(base, name), join(base, name, "started")];
    await Deno.mkdir(version, { recursive: true, mode: 0o700 });
    if (startedLongAgo !== undefined) await Deno.writeTextFile(started, "");
    if (startedLongAgo) await Deno.utime(started, longAgo, longAgo);
    if (isOld) await Deno.utime(version, longAgo, longAgo);
  };
  await make("0123456789abcdef", true);
  await make("1123456789abcdef", false, true);
  await make("ecdba9876543210f", true, false);
  await make("fedcba9876543210", false);
  await make("kafka", true);
  await Deno.writeTextFile(join(base, "a-file"), "");
  await Deno.utime(join(base, "a-file"), longAgo, longAgo);
  assert.equal((await packed.start(cache, ["echo"], packed.smallExecutable)).code, 7);
  const names = await namesIn(base);
  const kept = ["a-file", "ecdba9876543210f", "fedcba9876543210", "kafka"];
  assert.deepEqual(names.filter((name) => kept.includes(name)), kept);
  assert.equal(names.length, kept.length + 1, "and this one");
});

Deno.test("each start dates its version, and one that cannot do so starts all the same", async () => {
  const cache = await packed.ownUsedCache();
  const started = join(await unpackedIn(cache), "started");
  const longAgo = new Date("2001-01-01");
  await Deno.utime(started, longAgo, longAgo);
  assert.equal((await packed.start(cache, ["echo"], packed.smallExecutable)).code, 7);
  assert.notEqual((await Deno.stat(started)).mtime?.getTime(), longAgo.getTime());
  await Deno.remove(started);
  await Deno.mkdir(started);
  const { code, stderr } = await packed.start(cache, ["echo"], packed.smallExecutable);
  assert.deepEqual([code, stderr.includes("started")], [7, false], stderr);
});

Deno.test("a home that others can write to is not used, neither a fresh one nor one that was", async () => {
  const { XDG_CACHE_HOME: HOME, TMPDIR } = await packed.freshCache();
  const start = () => packed.start({ HOME, TMPDIR }, ["echo"], packed.smallExecutable);
  await Deno.chmod(HOME, 0o777);
  assert.equal((await start()).code, 7);
  assert.deepEqual([await namesIn(HOME), (await namesIn(TMPDIR)).length], [[], 1]);
  await Deno.remove(TMPDIR, { recursive: true });
  await Deno.mkdir(TMPDIR);
  await Deno.chmod(HOME, 0o700);
  assert.equal((await start()).code, 7);
  assert.deepEqual([await namesIn(HOME), await namesIn(TMPDIR)], [[".cache"], []]);
  await Deno.chmod(HOME, 0o777);
  assert.equal((await start()).code, 7);
  assert.equal((await namesIn(TMPDIR)).length, 1);
});

Deno.test("what runs or is being unpacked stays, however old the clock makes it", async () => {
  const { XDG_CACHE_HOME, TMPDIR } = await packed.freshCache();
  const cache = { XDG_CACHE_HOME: join(XDG_CACHE_HOME, "with a space"), TMPDIR };
  await Deno.mkdir(cache.XDG_CACHE_HOME);
  const base = join(cache.XDG_CACHE_HOME, NAME);
  assert.equal((await packed.start(cache, ["echo"], packed.smallExecutable)).code, 7);
  const [content] = await namesIn(base);
  const running = join(base, "0123456789abcdef");
  await Deno.mkdir(running, { mode: 0o700 });
  await Deno.copyFile("/bin/sleep", join(running, NAME));
  await using process = new Deno.Command(join(running, NAME), { args: ["infinity"] }).spawn();
  const [unpacking, leftOver] = [`unpack.${process.pid}.aaaaaa`, "unpack.4194305.aaaaaa"];
  for (const name of [unpacking, leftOver]) await Deno.mkdir(join(base, content!, name));
  await Deno.remove(join(base, content!, "main.mjs"));
  const longAgo = new Date("2001-01-01");
  for (const name of [running, join(base, content!, unpacking), join(base, content!, leftOver)]) {
    await Deno.utime(name, longAgo, longAgo);
  }
  assert.equal((await packed.start(cache, ["echo"], packed.smallExecutable)).code, 7);
  assert.deepEqual((await namesIn(base)).toSorted(), [content, "0123456789abcdef"].toSorted());
  const left = await namesIn(join(base, content!));
  assert.deepEqual(left.filter((name) => name.startsWith("unpack.")), [unpacking]);
});

Deno.test("does not trust a cache that others can write to", async () => {
  const cache = await packed.freshCache();
  const theirs = join(cache.XDG_CACHE_HOME, NAME);
  await Deno.mkdir(theirs);
  await Deno.chmod(theirs, 0o777);
  assert.equal((await packed.start(cache, ["echo"], packed.smallExecutable)).code, 7);
  const inTheirs = await namesIn(await unpackedIn(cache));
  assert.deepEqual(inTheirs, []);
  const [fallback] = await namesIn(cache.TMPDIR);
  assert.match(fallback!, /^vabus-data-handler-\d+$/);
});

Deno.test("takes the temporary directory when there is no home", async () => {
  const { TMPDIR } = await packed.freshCache();
  assert.equal((await packed.start({ TMPDIR }, ["echo"], packed.smallExecutable)).code, 7);
  assert.equal((await namesIn(TMPDIR)).length, 1);
});

Deno.test("a cache or home that is no absolute path counts as none, since it is another in each directory", async () => {
  const { XDG_CACHE_HOME: HOME, TMPDIR } = await packed.freshCache();
  const directory = await Deno.makeTempDir({ dir: packed.directory });
  const script = `cd '${directory}' && exec '${packed.smallExecutable}' echo`;
  const start = (env: Record<string, string>) => packed.start(env, ["-c", script], "/bin/sh");
  const first = await start({ XDG_CACHE_HOME: "cache", HOME, TMPDIR });
  assert.deepEqual([first.code, first.stderr], [7, ""]);
  assert.deepEqual([await namesIn(HOME), await namesIn(TMPDIR)], [[".cache"], []]);
  const second = await start({ CACHE_DIRECTORY: "cache", HOME: "home", TMPDIR });
  assert.deepEqual([second.code, second.stderr], [7, ""]);
  assert.equal((await namesIn(TMPDIR)).length, 1);
  assert.deepEqual(await namesIn(directory), []);
});
