import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "../support/executable.ts";

const HERE = dirname(fileURLToPath(import.meta.url));
const BUILD = join(dirname(dirname(HERE)), "scripts", "build.ts");
const NAME = "vabus-data-handler";

/** More than a first read of a file takes, so that a file is changed and cut in its middle. */
const SMALL_RUNTIME_BYTES = 100_000;

let directory: string;
let executable: string;
/**
 * The same with a runtime that is a script: for what the launcher does with files, whatever these hold. To
 * unpack Deno costs a second of computing each time.
 */
let smallExecutable: string;
let used: Promise<Cache> | undefined;

Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "vabus-build-test-" });
  executable = join(directory, NAME);
  smallExecutable = join(directory, `${NAME}-small`);
  const runtime = join(directory, "runtime");
  const script = `#!/bin/sh\nexec '${Deno.execPath()}' "$@"\n`;
  await Deno.writeTextFile(runtime, script.padEnd(SMALL_RUNTIME_BYTES, "#\n"));
  for (const args of [["--output", executable], ["--output", smallExecutable, "--runtime", runtime]]) {
    const { success, stderr } = await build(["--form", "self-extracting", ...args]);
    assert.ok(success, stderr);
  }
});

Deno.test.afterAll(() => Deno.remove(directory, { recursive: true }));

Deno.test("passes arguments and the exit code through untouched", async () => {
  const args = ["echo", "", "two words", "*", "--v8-flags=--help", "--", "$HOME", "ü"];
  const { code, stdout, stderr } = await start(await usedCache(), args);
  const said = JSON.parse(stdout);
  assert.equal(code, 7);
  assert.equal(stderr, "");
  assert.deepEqual([said.command, ...said.args], args);
  assert.match(said.version, /^\d+\.\d+\.\d+$/);
  assert.notEqual(said.commit, "development");
});

Deno.test("becomes the program, so that a signal reaches it", async () => {
  const child = command(await usedCache(), ["wait"]).spawn();
  await readUntil(child.stdout, "ready");
  child.kill("SIGTERM");
  const [{ code, signal }] = await Promise.all([child.status, child.stderr.cancel()]);
  assert.deepEqual({ code, signal }, { code: 42, signal: null });
});

for (
  const [args, signal, code] of [
    [[], "SIGTERM", 0],
    [["run"], "SIGTERM", 0],
    [["--log-level", "warn"], "SIGTERM", 0],
    [["once"], "SIGTERM", 143],
    [["--version"], "SIGTERM", 143],
    [["once"], "SIGHUP", 129],
    [["bus"], "SIGHUP", 0],
  ] as const
) {
  Deno.test(`told by ${signal} to stop while it unpacks for \`${args.join(" ")}\`, it ends with ${code} and leaves nothing`, async () => {
    const cache = await freshCache();
    // A gzip that says when it begins, and goes on when it is told to. What it has to unpack takes long, and
    // matters where it could be left behind.
    const isForReal = args.length === 0 || args[0] === "once";
    const directory = dirname(cache.TMPDIR);
    const [path, begun, goOn] = [join(directory, "bin"), join(directory, "begun"), join(directory, "go-on")];
    await Deno.mkdir(path);
    const { stdout: real } = await new Deno.Command("sh", { args: ["-c", "command -v gzip"] }).output();
    await Deno.writeTextFile(
      join(path, "gzip"),
      `#!/bin/sh\n>${begun}; until [ -e ${goOn} ]; do sleep 0.02; done\n${
        isForReal ? `exec ${decode(real).trim()} "$@"` : "exit 0"
      }\n`,
      { mode: 0o755 },
    );
    const child = command({ ...cache, PATH: `${path}:${Deno.env.get("PATH")}` }, [...args]).spawn();
    const output = child.output();
    await until(() => isThere(begun), "gzip");
    child.kill(signal);
    await Deno.writeTextFile(goOn, "");
    const ended = await output;
    assert.deepEqual([ended.code, ended.signal], [code, null]);
    assert.deepEqual([ended.stdout.length, ended.stderr.length], [0, 0]);
    assert.deepEqual(await namesIn(await unpackedIn(cache)), []);
    // Where nothing is left, one way of ending is like the other for what starts next.
    if (args.length === 0) assert.equal((await start(cache, ["echo"])).code, 7);
  });
}

Deno.test("goes by its own name", async () => {
  const child = command(await usedCache(), ["wait"]).spawn();
  await readUntil(child.stdout, "ready");
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "comm=", "-p", `${child.pid}`] }).output();
  child.kill("SIGTERM");
  await Promise.all([child.status, child.stderr.cancel()]);
  assert.equal(decode(stdout).trim(), NAME.slice(0, 15));
});

Deno.test("unpacks once, readable by its user alone", async () => {
  const cache = await usedCache();
  await start(cache, ["echo"]);
  const unpacked = await unpackedIn(cache);
  const first = await Deno.stat(join(unpacked, NAME));
  await start(cache, ["echo"]);
  const second = await Deno.stat(join(unpacked, NAME));
  assert.equal(first.ino, second.ino);
  assert.equal((await Deno.stat(unpacked)).mode! & 0o077, 0);
  assert.deepEqual(await namesIn(unpacked), ["checked", "deno_dir", "main.mjs", "program.mjs", NAME]);
});

Deno.test("first starts at the same moment both work", async () => {
  const cache = await freshCache();
  const starts = await Promise.all([1, 2].map(() => start(cache, ["echo"])));
  assert.deepEqual(starts.map(({ code }) => code), [7, 7], starts.map(({ stderr }) => stderr).join());
  assert.deepEqual(await namesIn(await unpackedIn(cache)), [
    "checked",
    "deno_dir",
    "main.mjs",
    "program.mjs",
    NAME,
  ]);
});

Deno.test("makes a damaged cache anew", async () => {
  const cache = await ownUsedCache();
  const unpacked = await unpackedIn(cache);
  await Deno.truncate(join(unpacked, NAME), 1000);
  assert.equal((await start(cache, ["echo"], smallExecutable)).code, 7);
  await Deno.remove(join(unpacked, "program.mjs"));
  assert.equal((await start(cache, ["echo"], smallExecutable)).code, 7);
});

Deno.test("a file in the cache that holds something else is not run, whatever its size and date", async () => {
  const cache = await ownUsedCache();
  const unpacked = await unpackedIn(cache);
  for (const name of ["program.mjs", "main.mjs", NAME]) {
    const path = join(unpacked, name);
    const whole = await Deno.readFile(path);
    const { atime, mtime } = await Deno.stat(path);
    const changed = whole.slice();
    changed[changed.length >> 1]! ^= 1;
    await Deno.writeFile(path, changed);
    await Deno.utime(path, atime!, mtime!);
    assert.equal((await start(cache, ["echo"], smallExecutable)).code, 7);
    assert.deepEqual(await Deno.readFile(path), whole, name);
  }
});

Deno.test({
  name: `does not unpack into a directory whose owner could replace it, sticky as it may be${
    Deno.uid() === 0 ? "" : " (left out: needs root)"
  }`,
  ignore: Deno.uid() !== 0,
  fn: async () => {
    const { TMPDIR } = await freshCache();
    await Deno.chmod(TMPDIR, 0o1777);
    assert.equal((await start({ TMPDIR }, ["echo"], smallExecutable)).code, 7);
    await Deno.remove(TMPDIR, { recursive: true });
    await Deno.mkdir(TMPDIR);
    await Deno.chmod(TMPDIR, 0o1777);
    await Deno.chown(TMPDIR, 65532, 65532);
    assert.equal((await start({ TMPDIR }, ["echo"], smallExecutable)).code, 1);
  },
});

Deno.test("removes versions that were not started for a month, and nothing else", async () => {
  const cache = await freshCache();
  const base = join(cache.XDG_CACHE_HOME, NAME);
  const [oldVersion, recentVersion, ofOthers] = ["0123456789abcdef", "fedcba9876543210", "kafka"];
  const longAgo = new Date("2001-01-01");
  for (const name of [oldVersion, recentVersion, ofOthers]) {
    await Deno.mkdir(join(base, name), { recursive: true, mode: 0o700 });
    if (name !== recentVersion) await Deno.utime(join(base, name), longAgo, longAgo);
  }
  assert.equal((await start(cache, ["echo"], smallExecutable)).code, 7);
  const names = await namesIn(base);
  assert.equal(names.includes(oldVersion), false);
  assert.ok(names.includes(recentVersion) && names.includes(ofOthers), names.join());
});

Deno.test("does not trust a cache that others can write to", async () => {
  const cache = await freshCache();
  const theirs = join(cache.XDG_CACHE_HOME, NAME);
  await Deno.mkdir(theirs);
  await Deno.chmod(theirs, 0o777);
  assert.equal((await start(cache, ["echo"], smallExecutable)).code, 7);
  const inTheirs = await namesIn(await unpackedIn(cache));
  assert.deepEqual(inTheirs, []);
  const [fallback] = await namesIn(cache.TMPDIR);
  assert.match(fallback!, /^vabus-data-handler-\d+$/);
});

Deno.test("takes the temporary directory when there is no home", async () => {
  const { TMPDIR } = await freshCache();
  assert.equal((await start({ TMPDIR }, ["echo"], smallExecutable)).code, 7);
  assert.equal((await namesIn(TMPDIR)).length, 1);
});

Deno.test("says what it needs when it can unpack nowhere", async () => {
  const { code, stdout, stderr } = await start({ XDG_CACHE_HOME: "/dev/null", TMPDIR: "/dev/null" }, [
    "echo",
  ]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /Set XDG_CACHE_HOME/);
});

Deno.test("does not start from a file that was copied in part", async () => {
  const half = join(directory, "half");
  const bytes = await Deno.readFile(executable);
  await Deno.writeFile(half, bytes.subarray(0, bytes.length / 2), { mode: 0o755 });
  const { code, stdout, stderr } = await start(await freshCache(), ["echo"], half);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /copy it again/);
});

Deno.test("the build refuses a form that it does not know", async () => {
  const { success, stderr } = await build(["--form", "zip", "--output", join(directory, "zip")]);
  assert.equal(success, false);
  assert.match(stderr, /^--form is auto, compiled or self-extracting, not "zip"\.\n$/);
});

type Cache = { XDG_CACHE_HOME: string; TMPDIR: string };

/** Empty places to unpack to, removed with everything else after the last test. */
async function freshCache(): Promise<Cache> {
  const root = await Deno.makeTempDir({ dir: directory });
  const cache = { XDG_CACHE_HOME: join(root, "cache"), TMPDIR: join(root, "tmp") };
  for (const path of Object.values(cache)) await Deno.mkdir(path);
  return cache;
}

/**
 * For what begins when all is unpacked: one for all of these tests, as to unpack takes longer than they do.
 */
function usedCache(): Promise<Cache> {
  return used ??= (async () => {
    const cache = await freshCache();
    await start(cache, ["echo"]);
    return cache;
  })();
}

/** For what spoils it. */
async function ownUsedCache(): Promise<Cache> {
  const cache = await freshCache();
  assert.equal((await start(cache, ["echo"], smallExecutable)).code, 7);
  return cache;
}

/** The directory, named by its content, that the first start made in the cache. */
async function unpackedIn(cache: Cache): Promise<string> {
  const base = join(cache.XDG_CACHE_HOME, NAME);
  const [content] = await namesIn(base);
  return join(base, content!);
}

async function namesIn(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
}

function command(env: Record<string, string>, args: string[], file = executable): Deno.Command {
  return new Deno.Command(file, {
    args,
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH")!, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function start(env: Record<string, string>, args: string[], file = executable): Promise<Result> {
  return text(await command(env, args, file).output());
}

async function build(args: string[]): Promise<Result> {
  const entry = join(HERE, "program", "main.ts");
  return text(
    await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "--quiet", BUILD, "--entry", entry, ...args],
      stdin: "null",
    }).output(),
  );
}

interface Result {
  code: number;
  success: boolean;
  stdout: string;
  stderr: string;
}

function text({ code, success, stdout, stderr }: Deno.CommandOutput): Result {
  return { code, success, stdout: decode(stdout), stderr: decode(stderr) };
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

async function readUntil(stream: ReadableStream<Uint8Array>, word: string): Promise<void> {
  let seen = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    seen += chunk;
    if (seen.includes(word)) return;
  }
  throw new Error(`the program ended before it said "${word}": ${seen}`);
}
