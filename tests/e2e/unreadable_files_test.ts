/** Files that the user of the handler may not read, with the built program. */
import assert from "node:assert/strict";
import { executablePath, temporaryDirectory } from "../support/executable.ts";
import { recentBaseMs } from "../support/event_stream.ts";
import { handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

/** A user without rights, as root: nobody of most systems. */
const NOBODY = 65_534;
const IS_ROOT = Deno.uid() === 0;

async function runAsNobody(args: string[], env: Record<string, string>, directory: string) {
  const command = new Deno.Command(executablePath(), {
    args,
    cwd: directory,
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", HOME: directory, TMPDIR: directory, ...env },
    ...(IS_ROOT ? { uid: NOBODY, gid: NOBODY } : {}),
  });
  const { code, stdout, stderr } = await command.output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("a file that may not be read says so; the one beside it is counted", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await Deno.chmod(path, 0o777);
  const mayRun = await runAsNobody(["--version"], {}, path).then(({ code }) => code === 0, () => false);
  if (!mayRun) return console.log("left out: no user without rights can run the program here");
  const files = `${path}/in`;
  await Deno.mkdir(files);
  const line = `{"name":"a","value":1,"timestamp":${recentBaseMs(60_000, 10) / 1000}}\n`;
  await Deno.writeTextFile(`${files}/1.ndjson`, line);
  await Deno.writeTextFile(`${files}/2.ndjson`, line.repeat(3));
  await Deno.chmod(`${files}/1.ndjson`, 0o000);
  const environment = handlerEnvironment(`file://${files}/*.ndjson`, path, { STORAGE_TYPE: "sqlite" });
  const reason =
    `${files}/1.ndjson: the user that the handler runs as may not read it: give that user the right`;
  const once = await runAsNobody(["once", "--flush"], environment, path);
  assert.equal(once.code, 75, once.text);
  assert.ok(once.text.includes(reason), once.text);
  assert.equal(await sqliteSink(sqlitePath(path)).sumOfCounts(), 3);
  const check = await runAsNobody(["check"], environment, path);
  assert.notEqual(check.code, 0);
  assert.ok(check.text.includes(reason), check.text);
  // Then it is read, and the other not again.
  await Deno.chmod(`${files}/1.ndjson`, 0o644);
  const again = await runAsNobody(["once", "--flush"], environment, path);
  assert.equal(again.code, 0, again.text);
  assert.equal(await sqliteSink(sqlitePath(path)).sumOfCounts(), 4);
});
