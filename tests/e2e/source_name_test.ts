/** `?source=`: a bus that gets a name, another one, and another URL, with the built program. */
import assert from "node:assert/strict";
import { runToEnd, temporaryDirectory } from "../support/executable.ts";
import { recentBaseMs } from "../support/event_stream.ts";
import { handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

Deno.test("a bus is read on under another name, and under another URL of its name", async () => {
  await using directory = await temporaryDirectory();
  const files = `${directory.path}/in`;
  await Deno.mkdir(files);
  const base = recentBaseMs(60_000, 10) / 1000;
  const row = (id: string, temp: string | number) => `oven;${temp};${base};${id}\n`;
  await Deno.writeTextFile(`${files}/a.csv`, `device;temp;ts;id\n${row("1", 20)}${row("2", "hot")}`);
  const once = async (address: string, name: string) => {
    const mapping = "format=csv&name={/device}&value=/temp&timestamp=/ts";
    const environment = handlerEnvironment(`file://${address}/*.csv?${mapping}${name}`, directory.path, {
      STORAGE_TYPE: "sqlite",
    });
    const ended = await runToEnd(["once", "--flush"], environment);
    assert.equal(ended.code, 0, ended.stderr);
    const ask = async (...args: string[]) => (await runToEnd(args, environment)).stdout;
    return { count: await sqliteSink(sqlitePath(directory.path)).sumOfCounts(), log: ended.stderr, ask };
  };
  const append = (text: string) => Deno.writeTextFile(`${files}/a.csv`, text, { append: true });

  assert.equal((await once(files, "")).count, 1);
  await append(row("3", 21));
  const named = await once(files, "&source=line%204");
  assert.equal(named.count, 2, "only the new row is read");
  assert.match(named.log, /a bus has another name: it goes on where it was left/);
  assert.match(await named.ask("dead-letters", "list"), /\[line 4 .*a\.csv @ byte \d+\]/);
  assert.match(await named.ask("status"), /line 4/);

  // What comes again under an id that is known is a duplicate.
  await append(row("3", 21) + row("4", 22));
  assert.equal((await once(files, "&source=ovens")).count, 3);

  await Deno.rename(files, `${directory.path}/moved`);
  await Deno.writeTextFile(`${directory.path}/moved/a.csv`, row("5", 23), { append: true });
  const moved = await once(`${directory.path}/moved`, "&source=ovens");
  assert.equal(moved.count, 4);

  assert.match(await moved.ask("dead-letters", "retry", "--all"), /1 of them refused again/);
  assert.match(await moved.ask("dead-letters", "list"), /\[ovens .*"?hot/);
  assert.equal((await once(`${directory.path}/moved`, "")).count, 4, "and without a name again");
  assert.match(await moved.ask("verify"), /PROVEN/);
});
