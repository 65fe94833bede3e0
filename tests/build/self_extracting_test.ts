/** The self-extracting executable: what it becomes, and how it ends. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { launcherText } from "../../scripts/launcher.ts";
import { until } from "../support/executable.ts";
import { buildProgram, decode, NAME, namesIn, PackedProgram, unpackedIn } from "./packed_program.ts";

let packed: PackedProgram;

Deno.test.beforeAll(async () => {
  packed = await PackedProgram.build();
});

Deno.test.afterAll(() => packed[Symbol.asyncDispose]());

Deno.test("passes arguments and the exit code through untouched", async () => {
  const args = ["echo", "", "two words", "*", "--v8-flags=--help", "--", "$HOME", "ü"];
  const { code, stdout, stderr } = await packed.start(await packed.usedCache(), args);
  const said = JSON.parse(stdout);
  assert.equal(code, 7);
  assert.equal(stderr, "");
  assert.deepEqual([said.command, ...said.args], args);
  assert.match(said.version, /^\d+\.\d+\.\d+$/);
  assert.notEqual(said.commit, "development");
});

Deno.test("becomes the program, so that a signal reaches it", async () => {
  const child = packed.command(await packed.usedCache(), ["wait"]).spawn();
  await readUntil(child.stdout, "ready");
  child.kill("SIGTERM");
  const [{ code, signal }] = await Promise.all([child.status, child.stderr.cancel()]);
  assert.deepEqual({ code, signal }, { code: 42, signal: null });
});

Deno.test("no trap is left when the launcher becomes the program: a signal of that moment would be lost", async () => {
  const launcher = await Deno.readTextFile(
    join(dirname(dirname(import.meta.dirname!)), "scripts", "launcher", "starting.sh"),
  );
  const lines = launcher.split("\n").map((line) => line.trim());
  const last = lines.indexOf('exec "$@"');
  assert.ok(last > 0);
  assert.equal(lines[last - 1], "trap - $ended_by_hangup INT TERM");
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
    const cache = await packed.freshCache();
    // A gzip that says when it begins, and goes on when it is told to. What it has to unpack takes long, and
    // matters where it could be left behind.
    const isForReal = args.length === 0 || args[0] === "once";
    const directory = dirname(cache.TMPDIR);
    const [path, begun, goOn] = [join(directory, "bin"), join(directory, "begun"), join(directory, "go-on")];
    await Deno.mkdir(path);
    const { stdout: real } = await new Deno.Command("sh", { args: ["-c", "command -v gzip"] }).output();
    await Deno.writeTextFile(
      join(path, "gzip"),
      `#!/bin/sh\n>'${begun}'; until [ -e '${goOn}' ]; do sleep 0.02; done\n${
        isForReal ? `exec ${decode(real).trim()} "$@"` : "exit 0"
      }\n`,
      { mode: 0o755 },
    );
    const child = packed.command({ ...cache, PATH: `${path}:${Deno.env.get("PATH")}` }, [...args]).spawn();
    const output = child.output();
    await until(() => isThere(begun), "gzip");
    child.kill(signal);
    await Deno.writeTextFile(goOn, "");
    const ended = await output;
    assert.deepEqual([ended.code, ended.signal], [code, null]);
    assert.deepEqual([ended.stdout.length, ended.stderr.length], [0, 0]);
    assert.deepEqual(await namesIn(await unpackedIn(cache)), []);
    // Where nothing is left, one way of ending is like the other for what starts next.
    if (args.length === 0) assert.equal((await packed.start(cache, ["echo"])).code, 7);
  });
}

Deno.test("goes by its own name", async () => {
  const child = packed.command(await packed.usedCache(), ["wait"]).spawn();
  await readUntil(child.stdout, "ready");
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "comm=", "-p", `${child.pid}`] }).output();
  child.kill("SIGTERM");
  await Promise.all([child.status, child.stderr.cancel()]);
  assert.equal(decode(stdout).trim(), NAME.slice(0, 15));
});

Deno.test("says what it needs when it can unpack nowhere", async () => {
  const { code, stdout, stderr } = await packed.start({ XDG_CACHE_HOME: "/dev/null", TMPDIR: "/dev/null" }, [
    "echo",
  ]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /Set XDG_CACHE_HOME/);
});

Deno.test("asks for room for all that it unpacks, and for what it needs meanwhile", async () => {
  const text = await launcherText("self_extracting", "none", {
    DENO_SIZE: "5000000",
    PART_SIZES: "3000000 2000000",
  });
  const script = join(packed.directory, "launcher");
  await Deno.writeTextFile(script, text);
  const { stderr } = await packed.start(
    { XDG_CACHE_HOME: "/dev/null", TMPDIR: "/dev/null" },
    [script],
    "/bin/sh",
  );
  // The program is unpacked in one piece, and then parted.
  assert.match(stderr, /has 16 MB free/);
});

Deno.test("does not start from a file that was copied in part", async () => {
  const half = join(packed.directory, "half");
  const bytes = await Deno.readFile(packed.executable);
  await Deno.writeFile(half, bytes.subarray(0, bytes.length / 2), { mode: 0o755 });
  const { code, stdout, stderr } = await packed.start(await packed.freshCache(), ["echo"], half);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /copy it again/);
});

Deno.test("the build refuses a form that it does not know", async () => {
  const { success, stderr } = await buildProgram([
    "--form",
    "zip",
    "--output",
    join(packed.directory, "zip"),
  ]);
  assert.equal(success, false);
  assert.match(stderr, /^--form is auto, compiled, self-extracting or files, not "zip"\.\n$/);
});

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
