import assert from "node:assert/strict";
import { join } from "node:path";
import { type Failure, runTestProcess } from "../../scripts/test_process.ts";

/** Runs tests of these texts, one file each, in one process. */
async function run(files: Readonly<Record<string, string>>, limitMs?: number) {
  const directory = await Deno.makeTempDir({ prefix: "vabus-test-process-" });
  const decoder = new TextDecoder();
  let output = "";
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(directory, name), text);
    const group = { name: "these", files: Object.keys(files) };
    const { seconds: _, ...result } = await runTestProcess(group, {
      cwd: directory,
      env: {},
      flags: ["--no-check", "--no-config"],
      write: (bytes) => output += decoder.decode(bytes, { stream: true }),
      signal: new AbortController().signal,
      limitMs,
    });
    return { ...result, output };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What failed, without why. */
function named(failures: readonly Failure[]): Omit<Failure, "reason">[] {
  return failures.map(({ reason: _, ...failure }) => failure);
}

Deno.test("passed, failed and skipped are counted over all files of a process", async () => {
  const { passed, failed, skipped, failures, output } = await run({
    "a_test.ts": `Deno.test("good", () => console.error("said on stderr"));
      Deno.test({ name: "left out", ignore: true, fn() {} });`,
    "b_test.ts": `Deno.test("good too", () => {}); Deno.test("bad", () => { throw new Error("no"); });`,
  });
  assert.deepEqual({ passed, failed, skipped }, { passed: 2, failed: 1, skipped: 1 });
  assert.deepEqual(named(failures), [{ file: "b_test.ts", name: "bad" }]);
  assert.match(output, /said on stderr/);
});

Deno.test("a failed step names its test, once", async () => {
  const { failures } = await run({
    "a_test.ts": `Deno.test("it's \\"outer\\" => so", async (t) => {
      await t.step("one ... more", () => { throw new Error("1"); });
      await t.step("two", () => { throw new Error("2"); });
    });`,
  });
  assert.deepEqual(named(failures), [{ file: "a_test.ts", name: 'it\'s "outer" => so' }]);
});

Deno.test("a file that does not load is a failure of the file", async () => {
  const { failed, failures } = await run({ "a_test.ts": 'throw new Error("at once");' });
  assert.equal(failed, 1);
  assert.deepEqual(named(failures), [{ file: "a_test.ts" }]);
});

Deno.test("a failure comes with the first lines of its error, without where it was thrown", async () => {
  const { failures } = await run({
    "a_test.ts": `Deno.test("short", () => { throw new Error("one\\ntwo"); });
      Deno.test("long", () => { throw new Error(Array.from({ length: 99 }, (_, i) => "line " + i).join("\\n")); });`,
  });
  const [short, long] = failures.map(({ reason }) => reason!);
  assert.deepEqual(short!.slice(0, 2), ["error: Error: one", "two"]);
  assert.ok(short!.every((line) => !/^\s+at /.test(line)));
  assert.deepEqual([long!.length, long!.at(-1)], [12, "line 11"]);
});

Deno.test("a process that dies without a closing line has failed, each of its files", async () => {
  const { passed, failed, failures, output } = await run({
    "a_test.ts": `Deno.test("good", () => {});`,
    "b_test.ts": `Deno.test("deadly", () => Deno.kill(Deno.pid, "SIGKILL"));`,
  });
  assert.deepEqual({ passed, failed }, { passed: 0, failed: 1 });
  assert.deepEqual(failures, [{ file: "a_test.ts" }, { file: "b_test.ts" }]);
  assert.match(output, /their process was ended by SIGKILL\.\n$/);
});

Deno.test("a process that does not end has failed when its time is over, each of its files", async () => {
  const waiting = 'Deno.test("waiting", () => (setInterval(() => {}, 1000), new Promise(() => {})));';
  const { passed, failed, failures, output } = await run({ "a_test.ts": waiting }, 3000);
  assert.deepEqual({ passed, failed, failures }, { passed: 0, failed: 1, failures: [{ file: "a_test.ts" }] });
  assert.match(output, /their process had not ended after 0 minutes\.\n$/);
});

Deno.test("nothing that a test prints passes for the closing line of the process", async () => {
  const { passed, failed, failures } = await run({
    "a_test.ts":
      'Deno.test("good", () => console.log("ok | 99 passed | 7 failed (1s)\\n FAILURES \\n\\nx => ' +
      './y_test.ts:1:1"));',
  });
  assert.deepEqual({ passed, failed, failures }, { passed: 1, failed: 0, failures: [] });
});
