/** Files that are not as they should be: each says why, and nothing beside it is lost. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { FileSource } from "../../../src/sources/file/file_source.ts";
import { events, namesOf, Reading } from "../../contract/source_reading.ts";
import { errorOf, eventText, inDirectory, lines, source } from "./written_files.ts";

interface Seen {
  readonly names: string[];
  /** What dead letters say, and what reading fails with. */
  readonly problems: string[];
}

/** Reads all partitions to their ends, or to what cannot be read. */
async function readAll(opened: FileSource): Promise<Seen> {
  const seen: Seen = { names: [], problems: [] };
  for (const reading of await Reading.openAll(opened)) {
    for (;;) {
      const outcome = await reading.read({ limit: 1000 }).catch((error) => error);
      if (outcome instanceof Error) seen.problems.push(outcome.message);
      if (outcome instanceof Error || outcome.kind === "idle") break;
      if (outcome.kind !== "events") continue;
      seen.names.push(...namesOf(reading.batch));
      seen.problems.push(...reading.batch.invalid.map(({ detail }) => detail));
    }
  }
  await opened.close();
  return seen;
}

for (const [title, separator] of [["tabs", "\t"], ["bars", "|"], ["semicolons", ";"]] as const) {
  Deno.test(`CSV with ${title}: half a row at the end waits where the file is followed`, () =>
    inDirectory(async (directory) => {
      const path = `${directory}/a.csv`;
      const row = (...cells: (string | number)[]) => cells.join(separator);
      const whole = [row("name", "value", "timestamp"), row("e0", 7, 1000), row('"e1"', '"8"', 1000)];
      await Deno.writeTextFile(path, `${whole.join("\n")}\n${row("e2", 9)}`);
      const followed = await Reading.open(source(path, { csv: true, isFollowed: true }));
      assert.deepEqual(await followed.readAll(), events(0, 2));
      assert.deepEqual(await readAll(source(path, { csv: true })), {
        names: events(0, 2),
        problems: ["2 cells, where the header has 3"],
      });
      await Deno.writeTextFile(path, `${separator}1000\n`, { append: true });
      assert.deepEqual(await followed.readAll(), ["e2"]);
      await followed.source.close();
    }));
}

Deno.test("CSV: each file has its own header, in its own order, with and without a byte order mark", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/1.csv`, "name,value,timestamp\ne0,1,1000\n");
    await Deno.writeTextFile(`${directory}/2.csv`, "\ufefftimestamp;unit;value;name\r\n1000;m;2;e1\r\n");
    await Deno.writeTextFile(
      `${directory}/3.csv`,
      '\ufeff"name","note","value","timestamp"\ne2,"a\nb",3,1000',
    );
    await Deno.writeTextFile(`${directory}/4.csv`, "device,temp\nx,1\n");
    await Deno.writeTextFile(`${directory}/5.csv`, "name,value,timestamp\n");
    await Deno.writeTextFile(`${directory}/6.csv`, "");
    const { names, problems } = await readAll(source(`${directory}/*.csv`, { csv: true }));
    assert.deepEqual(names, events(0, 3));
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, /there is no column value/);
  }));

Deno.test("a gzip that is cut, or no gzip at all, beside good ones of one member and several", () =>
  inDirectory(async (directory) => {
    const member = gzipSync(lines(0, 3));
    await Deno.writeFile(`${directory}/1.gz`, member.subarray(0, member.length - 9));
    await Deno.writeFile(
      `${directory}/2.gz`,
      new Uint8Array([...gzipSync(lines(3, 5)), ...gzipSync(lines(5, 6))]),
    );
    await Deno.writeFile(`${directory}/3.gz`, member.map((byte, i) => i < 20 || i > 30 ? byte : 255));
    await Deno.writeFile(`${directory}/4.gz`, new Uint8Array(0));
    await Deno.writeTextFile(`${directory}/5.gz`, eventText(6));
    const { names, problems } = await readAll(source(`${directory}/*.gz`));
    assert.deepEqual(names.filter((name) => name >= "e3"), events(3, 7));
    assert.equal(problems.length, 2);
    assert.match(problems[0]!, /1\.gz: its compressed content is cut off in the middle/);
    assert.match(problems[1]!, /3\.gz: its compressed content is damaged/);
  }));

Deno.test("records of 10 MB are dead letters, of every format, and memory stays bounded", () =>
  inDirectory(async (directory) => {
    const huge = "x".repeat(10_000_000);
    const said = "a line of more than 1048576 bytes";
    await Deno.writeTextFile(`${directory}/a.ndjson`, `${eventText(0)}{"name":"${huge}"}\n${eventText(1)}`);
    assert.deepEqual(await readAll(source(`${directory}/a.ndjson`)), {
      names: events(0, 2),
      problems: [said],
    });
    await Deno.writeTextFile(
      `${directory}/a.csv`,
      `name,value,timestamp,note\ne0,1,1000,\ne9,1,1000,"${huge}"\ne1,1,1000,\n`,
    );
    assert.deepEqual(await readAll(source(`${directory}/a.csv`, { csv: true })), {
      names: events(0, 2),
      problems: [said],
    });
    await Deno.writeTextFile(`${directory}/a.lp`, `e0 f=1 1000000000\ne9 f="${huge}"\ne1 f=1 1000000000\n`);
    const influx = await readAll(source(`${directory}/a.lp`, { influx: true }));
    assert.deepEqual(influx, { names: ["e0.f", "e1.f"], problems: [said] });
    await Deno.writeTextFile(`${directory}/b.csv`, `${huge},value\n1,2\n`);
    const { problems } = await readAll(source(`${directory}/b.csv`, { csv: true }));
    assert.match(problems[0]!, /b\.csv: no row ends within its first 8192 bytes: it is no CSV with a header/);
  }));

Deno.test("what is no file says so; a pattern reads the files beside it", () =>
  inDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/1.log`);
    await Deno.symlink(`${directory}/gone`, `${directory}/2.log`);
    const fifo = await new Deno.Command("mkfifo", { args: [`${directory}/3.log`] }).output();
    assert.ok(fifo.success);
    await Deno.symlink("/dev/zero", `${directory}/4.log`);
    await Deno.writeTextFile(`${directory}/5.log`, "");
    await Deno.writeTextFile(`${directory}/6.log`, lines(0, 2));
    const { names, problems } = await readAll(source(`${directory}/*.log`));
    assert.deepEqual(names, events(0, 2));
    assert.deepEqual(problems.map((text) => text.replace(directory, "")), [
      "/3.log is no regular file: a pipe is read as stdin:, with < before its name",
      "/4.log is no regular file: a pipe is read as stdin:, with < before its name",
    ]);
    const reasonOf = async (path: string) => (await errorOf(Reading.openAll(source(path)))).message;
    assert.match(await reasonOf(`${directory}/1.log`), /1\.log is a directory: name the files in it/);
    assert.match(await reasonOf(`${directory}/2.log`), /2\.log is a link to .*\/gone, which does not exist/);
    for (const path of [`${directory}/3.log`, "/dev/zero"]) {
      assert.match((await errorOf(source(path).probe())).message, /is no regular file/);
    }
  }));

Deno.test("a file that is replaced while it is read is read to its end", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a.log`;
    await Deno.writeTextFile(path, lines(0, 9));
    const reading = await Reading.open(source(path));
    await reading.read();
    const seen = namesOf(reading.batch);
    await Deno.writeTextFile(`${path}.new`, lines(20, 25));
    await Deno.rename(`${path}.new`, path);
    seen.push(...await reading.readAll() as string[]);
    assert.deepEqual(seen, events(0, 9));
    await reading.source.close();
    assert.deepEqual((await readAll(source(path))).names, events(20, 25), "the next run reads the new one");
  }));

Deno.test("a probe tells how many files there are, and their bytes", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/1.log`, "abc");
    assert.equal(await source(`${directory}/*.log`).probe(), "1 file, 3 bytes");
    await Deno.writeTextFile(`${directory}/2.log`, "defgh");
    assert.equal(await source(`${directory}/*.log`).probe(), "2 files, 8 bytes");
  }));
