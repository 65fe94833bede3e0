import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { type Clock, systemClock } from "../../../src/platform/clock/clock.ts";
import type { Partition } from "../../../src/contract/source.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { FILE } from "../../../src/sources/file/connector.ts";
import { keyOf } from "../../../src/sources/file/file_key.ts";
import { until } from "../../support/executable.ts";
import { events, namesOf, Reading } from "../../contract/source_reading.ts";
import { errorOf, eventText, inDirectory, lines, openIn, quickClock, source } from "./written_files.ts";
import { loggerTo } from "../../support/logs.ts";

Deno.test("a file that is renamed is read to its end, and the new one of its name from its beginning", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/app.log`;
    await Deno.writeTextFile(path, lines(0, 3));
    const followed = source(path, { isFollowed: true });
    const clock = quickClock();
    const reading = await Reading.open(followed, undefined, { clock });
    assert.deepEqual(await reading.readAll(), events(0, 3));
    clock.isStopped = true;
    await Deno.writeTextFile(path, lines(3, 5) + eventText(5).trimEnd(), { append: true });
    await Deno.rename(path, `${path}.1`);
    await Deno.writeTextFile(path, lines(6, 8));
    await until(() => reading.partitions.length === 2, "the new file");
    assert.deepEqual(await reading.readAll(), events(3, 5));
    const next = reading.other(reading.partitions.find(({ id }) => id !== reading.partition.id)!.id);
    assert.deepEqual(await next.readAll(), events(6, 8));
    clock.isStopped = false;
    const rest: (string | number)[] = [];
    await until(async () => {
      rest.push(...await reading.readAll());
      return rest.length;
    }, "its last line");
    assert.deepEqual(rest, ["e5"], "the last line, which nobody ends any more");
    await until(() => reading.partitions.length === 1, "the end of the renamed file");
    await followed.close();
  }));

Deno.test("what was renamed to another name is read on after another start", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/app.log`;
    await Deno.writeTextFile(path, lines(0, 3));
    const first = await Reading.open(source(path, { isFollowed: true }));
    assert.deepEqual(await first.readAll(), events(0, 3));
    await first.source.close();
    await Deno.writeTextFile(path, lines(3, 4), { append: true });
    await Deno.rename(path, `${path}.1`);
    const again = source(path, { isFollowed: true });
    const resume = new Map([[first.partition.id, first.progress.position!]]);
    const second = await Reading.open(again, first.progress, { resume });
    assert.equal(second.partition.id, first.partition.id);
    assert.deepEqual(await second.readAll(), ["e3"]);
    await again.close();
  }));

Deno.test("a file that was replaced by a longer one of its lines is read on after another start", () =>
  inDirectory(async (directory) => {
    for (const isFollowed of [false, true]) {
      const path = `${directory}/app.log`;
      await Deno.writeTextFile(path, lines(0, 3));
      const first = await Reading.open(source(path, { isFollowed }));
      assert.deepEqual(await first.readAll(), events(0, 3));
      await first.source.close();
      await Deno.writeTextFile(`${path}.new`, lines(0, 4));
      await Deno.rename(`${path}.new`, path);
      const resume = new Map([[first.partition.id, first.progress.position!]]);
      const second = await Reading.open(source(path, { isFollowed }), first.progress, { resume });
      assert.equal(second.partition.id, first.partition.id);
      assert.deepEqual(await second.readAll(), ["e3"]);
      await second.source.close();
    }
  }));

Deno.test("a file that is matched under its new name is not read twice", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/app.log`, lines(0, 3));
    const first = await Reading.open(source(`${directory}/app.log*`));
    assert.deepEqual(await first.readAll(), events(0, 3));
    await first.source.close();
    await Deno.rename(`${directory}/app.log`, `${directory}/app.log.1`);
    const resume = new Map([[first.partition.id, first.progress.position!]]);
    const second = await Reading.open(source(`${directory}/app.log*`), first.progress, { resume });
    assert.equal(second.partition.id, first.partition.id);
    assert.deepEqual(await second.readAll(), []);
    await second.source.close();
  }));

Deno.test("a file that is matched under its new name has that name from then on", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/app.log`;
    await Deno.writeTextFile(path, lines(0, 1));
    const clock = quickClock();
    const reading = await Reading.open(source(`${path}*`, { isFollowed: true }), undefined, { clock });
    assert.deepEqual(await reading.readAll(), ["e0"]);
    await Deno.rename(path, `${path}.1`);
    await Deno.writeTextFile(`${path}.1`, lines(1, 2), { append: true });
    const before = clock.sleepCount;
    await until(() => clock.sleepCount > before + 3, "some looks");
    assert.equal((await reading.read()).kind, "events");
    assert.equal(reading.batch.originOf!(0).path, `${path}.1`);
    assert.ok(reading.progress.position!.endsWith(` ${path}.1`));
    await reading.source.close();
  }));

Deno.test("a file that was truncated, or written anew at once, is read from its beginning", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/app.log`;
    await Deno.writeTextFile(path, lines(0, 3));
    const reading = await Reading.open(source(path, { isFollowed: true }));
    assert.deepEqual(await reading.readAll(), events(0, 3));
    await Deno.writeTextFile(path, lines(3, 4));
    assert.deepEqual(await reading.readAll(), ["e3"]);
    await Deno.writeTextFile(path, lines(4, 9));
    assert.deepEqual(await reading.readAll(), events(4, 9));
    await reading.source.close();
  }));

Deno.test("half a line that is taken back is in no other line", () =>
  inDirectory(async (directory) => {
    for (
      const [before, half] of [["", '{"name":"half","val'], [lines(0, 3), eventText(3).slice(0, -2)]] as const
    ) {
      const path = `${directory}/torn.log`;
      await Deno.writeTextFile(path, before + half);
      const reading = await Reading.open(source(path, { isFollowed: true }));
      const expected = before === "" ? [] : events(0, 3);
      assert.deepEqual(await reading.readAll(), expected);
      // As a writer does that finds it after a crash.
      await Deno.truncate(path, before.length);
      await Deno.writeTextFile(path, lines(4, 6), { append: true });
      assert.deepEqual(await reading.readAll(), events(4, 6));
      await reading.source.close();
    }
  }));

Deno.test("what is written between a read and the wait for more ends the wait", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/app.log`;
    await Deno.writeTextFile(path, lines(0, 1));
    const followed = source(path, { isFollowed: true });
    let timeMs = 0;
    let beforeTheWait: (() => void) | undefined;
    const clock: Clock = {
      nowMs: () => Date.now(),
      monotonicMs: () => {
        beforeTheWait?.();
        beforeTheWait = undefined;
        return timeMs;
      },
      sleep: async (ms, signal) => {
        await systemClock.sleep(0, signal);
        timeMs += ms;
      },
    };
    const reading = await Reading.open(followed, undefined, { clock });
    await reading.read();
    beforeTheWait = () => Deno.writeTextFileSync(path, lines(1, 2), { append: true });
    const askedMs = timeMs;
    const { kind } = await reading.read({ waitMs: 3_600_000 });
    assert.equal(kind, "idle");
    assert.ok(timeMs - askedMs < 3_600_000, "it does not wait to the end");
    assert.deepEqual(await reading.readAll(), ["e1"]);
    await followed.close();
  }));

Deno.test("a last line without a line break waits where the file is followed, else it is a line", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/app.log`;
    const text = lines(0, 2);
    await Deno.writeTextFile(path, text.slice(0, -1));
    const followed = await Reading.open(source(path, { isFollowed: true }));
    assert.deepEqual(await followed.readAll(), ["e0"]);
    await Deno.writeTextFile(path, "\n", { append: true });
    assert.deepEqual(await followed.readAll(), ["e1"]);
    await Deno.writeTextFile(path, text.slice(0, -1));
    const whole = await Reading.open(source(path));
    assert.deepEqual(await whole.readAll(), events(0, 2));
    await Promise.all([followed.source.close(), whole.source.close()]);
  }));

Deno.test("a line of megabytes is one dead letter, and what lies around it is read, also after another start", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/app.log`;
    await Deno.writeTextFile(path, `${eventText(0)}${"x".repeat(5_000_000)}\n\r\n${eventText(1)}`);
    let reading = await Reading.open(source(path));
    const seen: string[] = [];
    for (;;) {
      const { kind } = await reading.read();
      if (kind === "idle") break;
      seen.push(...namesOf(reading.batch), ...reading.batch.invalid.map(({ detail }) => detail));
      assert.ok(reading.batch.bytes.length <= 2 ** 20);
      await reading.source.close();
      reading = await Reading.open(source(path), { ...reading.progress, history: new LogHistory() });
    }
    assert.deepEqual(seen, ["e0", "a line of more than 1048576 bytes", "e1"]);
    await reading.source.close();
  }));

Deno.test("gzip: several members are one content; what lies before a cut is read, and the cut is said", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/app.gz`;
    const [one, two] = [gzipSync(lines(0, 3)), gzipSync(lines(3, 5))];
    await Deno.writeFile(path, new Uint8Array([...one, ...two]));
    const reading = await Reading.open(source(path));
    await reading.read();
    const again = await Reading.open(source(path), { ...reading.progress, history: new LogHistory() });
    assert.deepEqual(await again.readAll(), ["e4"]);
    await Promise.all([reading.source.close(), again.source.close()]);
    await Deno.writeFile(path, new Uint8Array([...one, ...two.subarray(0, two.length - 6)]));
    const cut = await Reading.open(source(path));
    const seen: string[] = [];
    const reason = await errorOf((async () => {
      for (;;) {
        await cut.read();
        seen.push(...namesOf(cut.batch));
      }
    })());
    assert.deepEqual(seen.slice(0, 3), events(0, 3));
    assert.equal(reason.kind, "garbage");
    assert.match(reason.message, /cut off in the middle/);
    assert.equal((await errorOf(cut.look())).message, reason.message);
    await cut.source.close();
  }));

Deno.test("gzip: what is compressed while it is followed, beginning with an empty file, is unpacked", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/app.gz`;
    const bytes = gzipSync(lines(0, 3));
    await Deno.writeFile(path, new Uint8Array(0));
    const reading = await Reading.open(source(path, { isFollowed: true }));
    assert.deepEqual(await reading.readAll(), []);
    await Deno.writeFile(path, bytes.subarray(0, 1));
    assert.deepEqual(await reading.readAll(), []);
    await Deno.writeFile(path, bytes.subarray(1), { append: true });
    assert.deepEqual(await reading.readAll(), events(0, 3));
    await reading.source.close();
  }));

Deno.test("CSV: quotes over lines, one that does not end, a header that comes again, and another start", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a.csv`;
    const header = "name;value;timestamp;note";
    const rows = [
      `e0;0;1000;"two\nlines, ""quoted"""`,
      `e1;1;1000;5" pipe`,
      header,
      `e2;2;1000;"open`,
      `e3;3;1000;`,
      `e4;4;1000`,
      `e5;5;1000;\xff`,
      `e6;6;1000;last`,
    ];
    const bytes = [...`\ufeff${header}\r\n${rows.join("\r\n")}`].flatMap((character) =>
      character === "\xff" ? [0xff] : [...new TextEncoder().encode(character)]
    );
    await Deno.writeFile(path, new Uint8Array(bytes));
    const seen: string[] = [];
    let reading = await Reading.open(source(path, { csv: true }));
    for (;;) {
      const { kind } = await reading.read({ limit: 1 });
      if (kind === "idle") break;
      seen.push(...namesOf(reading.batch), ...reading.batch.invalid.map(({ detail }) => detail));
      await reading.source.close();
      reading = await Reading.open(source(path, { csv: true }), {
        ...reading.progress,
        history: new LogHistory(),
      });
    }
    assert.deepEqual(seen, [
      "e0",
      "e1",
      "a quote that does not end",
      "e3",
      "3 cells, where the header has 4",
      "not UTF-8",
      "e6",
    ]);
    await reading.source.close();
  }));

Deno.test("line protocol: comments and empty lines are no records", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a.lp`;
    await Deno.writeTextFile(
      path,
      "# comment\n\nm f=1 1000000000\nm f=oops 1000000000\n# end\nm f=3 1000000000",
    );
    const reading = await Reading.open(source(path, { influx: true }));
    let [valid, invalid] = [0, 0];
    while ((await reading.read()).kind !== "idle") {
      valid += reading.batch.count;
      invalid += reading.batch.invalid.length;
    }
    assert.deepEqual([valid, invalid], [2, 1]);
    await reading.source.close();
  }));

Deno.test("a pattern matches files, not directories and hidden ones; each is a partition", () =>
  inDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/b.log`);
    for (const [i, name] of ["a.log", "c.log", ".d.log", "e.txt", "x(1).log"].entries()) {
      await Deno.writeTextFile(`${directory}/${name}`, eventText(i));
    }
    const idsOf = async (pattern: string) => {
      const opened = source(`${directory}/${pattern}`);
      const partitions = await opened.open({ ...CONTEXT, resume: new Map() });
      await opened.close();
      return partitions.map(({ id }) => id.split("@")[0]);
    };
    assert.deepEqual(await idsOf("*.log"), ["a.log", "c.log", "x(1).log"]);
    assert.deepEqual(await idsOf("[!a].log"), ["c.log"]);
    assert.deepEqual(await idsOf("x(*).log"), ["x(1).log"]);
    assert.match(await source(`${directory}/*.log`).probe(), /^3 files, \d+ bytes$/);
    if (Deno.build.os === "linux") assert.equal(openIn(directory), 0);
  }));

Deno.test("a source that is opened again reads nothing more through the partitions that it gave before", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/app.log`;
    await Deno.writeTextFile(path, lines(0, 1));
    for (const isFollowed of [false, true]) {
      const opened = source(path, { isFollowed });
      const before = await Reading.open(opened);
      const after = await Reading.open(opened);
      assert.equal(after.partition.id, before.partition.id);
      assert.match((await errorOf(before.look())).message, /it is not read any more/);
      assert.deepEqual(await after.readAll(), ["e0"]);
      await opened.close();
    }
  }));

Deno.test("a file has the id that it had, and one that no other file has gone on with", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a.log`;
    await Deno.writeTextFile(path, lines(0, 1));
    const { dev, ino } = Deno.statSync(path);
    const id = `a.log@${keyOf({ device: dev, inode: ino! })}`;
    const elsewhere = "5 1:1 5:0123456789abcdef /nowhere/a.log";
    const idsAfter = async (...known: readonly string[]) => {
      const opened = source(`${directory}/*.log`);
      const resume = new Map(known.map((one) => [one, elsewhere]));
      const partitions = await opened.open({ ...CONTEXT, resume });
      await opened.close();
      return partitions.map(({ id }) => id).join();
    };
    assert.equal(await idsAfter(), id);
    assert.equal(await idsAfter(id), `${id}.2`);
    assert.equal(await idsAfter(id, `${id}.2`), `${id}.3`);
    assert.equal(await idsAfter(`${id}.2`), id);
    const reopened = source(`${directory}/*.log`);
    for (const name of [path, `${directory}/b.log`]) {
      if (name !== path) await Deno.rename(path, name);
      const [partition] = await reopened.open({ ...CONTEXT, resume: new Map() });
      assert.equal(partition!.id, id, name);
    }
    await reopened.close();
  }));

Deno.test("more files than can be open at once are not followed, and are read one after the other", () =>
  inDirectory(async (directory) => {
    for (let i = 0; i <= 500; i++) Deno.writeTextFileSync(`${directory}/${i}.log`, "");
    const followed = source(`${directory}/*.log`, { isFollowed: true });
    const { kind, message } = await errorOf(followed.open({ ...CONTEXT, resume: new Map() }));
    assert.equal(kind, "refused");
    assert.match(message, /matches 501 files, of which 500 can be followed at once: name fewer/);
    const once = source(`${directory}/*.log`);
    assert.match(await once.probe(), /^501 files, 0 bytes$/);
    for (const reading of await Reading.openAll(once)) assert.equal((await reading.read()).kind, "idle");
    if (Deno.build.os === "linux") assert.equal(openIn(directory), 256);
    await once.close();
    Deno.removeSync(`${directory}/0.log`);
    assert.equal((await followed.open({ ...CONTEXT, resume: new Map() })).length, 500);
    if (Deno.build.os === "linux") assert.equal(openIn(directory), 500);
    Deno.writeTextFileSync(`${directory}/one.txt`, "abc");
    assert.equal(await source(`${directory}/*.txt`).probe(), "1 file, 3 bytes");
    await followed.close();
  }));

Deno.test("a look that fails is told of once, and again where others have succeeded in between", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/logs`;
    await Deno.mkdir(path);
    await Deno.writeTextFile(`${path}/a.log`, eventText(0));
    const followed = source(`${path}/*.log`, { isFollowed: true });
    const log: string[] = [];
    const logger = loggerTo(log, "info");
    const clock = quickClock();
    const changed = () => assert.fail("the same file is there");
    const [partition] = await followed.open({ ...CONTEXT, clock, logger, changed, resume: new Map() });
    const looks = async () => {
      const before = clock.sleepCount;
      await until(() => clock.sleepCount > before + 3, "some looks");
    };
    for (let time = 1; time <= 2; time++) {
      await Deno.rename(path, `${path}.away`);
      await looks();
      assert.equal(log.length, time);
      assert.match(log.at(-1)!, /logs: there is no such file.*bus=/);
      await Deno.rename(`${path}.away`, path);
      await looks();
    }
    assert.equal(log.length, 2);
    assert.equal(
      (await partition!.read(
        { lineage: undefined, position: undefined, history: new LogHistory() },
        new EventBatch(),
        { limit: 1, waitMs: 0, isAfterRest: false },
        new AbortController().signal,
      )).kind,
      "events",
    );
    await followed.close();
  }));

Deno.test("a file that a name does not lead to any more, and that was read, is let go of", () =>
  inDirectory(async (directory) => {
    for (const [name, number] of [["a", 0], ["b", 1]] as const) {
      await Deno.writeTextFile(`${directory}/${name}.log`, eventText(number));
    }
    const followed = source(`${directory}/*.log`, { isFollowed: true });
    const clock = quickClock();
    let present: readonly Partition[] = [];
    const changed = (partitions: readonly Partition[]) => void (present = partitions);
    const context = { ...CONTEXT, clock, changed, resume: new Map() };
    const opened = await followed.open(context);
    assert.deepEqual(opened.map(({ id }) => id.split("@")[0]), ["a.log", "b.log"]);
    const read = async (partition: Partition) => {
      const batch = new EventBatch();
      let position: string | undefined;
      const names: string[] = [];
      for (;;) {
        const from = { lineage: undefined, position, history: new LogHistory() };
        const request = { limit: 4, waitMs: 0, isAfterRest: false };
        const outcome = await partition.read(from, batch, request, new AbortController().signal);
        if ("next" in outcome) position = outcome.next;
        if (outcome.kind === "idle") return names.join();
        if (outcome.kind === "events") names.push(...namesOf(batch));
      }
    };
    assert.deepEqual([await read(opened[0]!), await read(opened[1]!)], ["e0", "e1"]);
    await Deno.remove(`${directory}/a.log`);
    await until(async () => {
      if (present.length === 0) await read(opened[0]!).catch(() => {});
      return present.length === 1;
    }, "the end of the file");
    assert.equal(present[0], opened[1]);
    assert.match((await errorOf(read(opened[0]!))).message, /it is not read any more/);
    await followed.close();
    assert.match((await errorOf(read(opened[1]!))).message, /it is not read any more/);
  }));

Deno.test("a file that was let go of and comes back goes on where it was read", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a.log`;
    await Deno.writeTextFile(path, lines(0, 2));
    const clock = quickClock();
    const reading = await Reading.open(source(path, { isFollowed: true }), undefined, { clock });
    assert.deepEqual(await reading.readAll(), events(0, 2));
    await Deno.rename(path, `${directory}/away`);
    await until(async () => {
      if (reading.partitions.length > 0) await reading.read().catch(() => {});
      return reading.partitions.length === 0;
    }, "the end of the file");
    await Deno.writeTextFile(`${directory}/away`, lines(2, 3), { append: true });
    await Deno.rename(`${directory}/away`, path);
    await until(() => reading.partitions.length === 1, "the file that is back");
    const [back] = reading.partitions;
    assert.equal(back!.id, reading.partition.id);
    reading.partition = back!;
    assert.deepEqual(await reading.readAll(), ["e2"]);
    await reading.source.close();
  }));

Deno.test("what cannot be read says why", () =>
  inDirectory(async (directory) => {
    const failing = async (pattern: string) =>
      await errorOf(source(pattern).open({ ...CONTEXT, resume: new Map() }));
    assert.match((await failing(directory)).message, /is a directory: name the files in it/);
    assert.match((await failing(`${directory}/none`)).message, /there is no such file/);
    assert.match((await failing(`${directory}/*.none`)).message, /matches no file/);
    assert.match((await failing(`${directory}/none/*`)).message, /there is no such file/);
    const path = `${directory}/a.log`;
    await Deno.writeTextFile(path, eventText(0));
    const reading = await Reading.open(source(path));
    await Deno.writeTextFile(`${path}.new`, eventText(1));
    await Deno.rename(`${path}.new`, path);
    assert.match(
      (await errorOf(reading.look())).message,
      /it was replaced by another file before it was read/,
    );
    await reading.source.close();
    const late = await Reading.open(source(path));
    await late.look();
    await Deno.remove(path);
    assert.deepEqual(await late.readAll(), ["e1"], "what was begun is read to its end");
    await late.source.close();
  }));

Deno.test("a position that is none of this file begins at the beginning", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a.log`;
    await Deno.writeTextFile(path, lines(0, 2));
    for (
      const position of ["", "17", "99999 1:2 10:0123456789abcdef /x", "1 2:3 9999:0123456789abcdef /x\0"]
    ) {
      const reading = await Reading.open(source(path), {
        lineage: undefined,
        position,
        history: new LogHistory(),
      });
      assert.deepEqual(await reading.readAll(), events(0, 2), position);
      await reading.source.close();
    }
  }));

Deno.test("the URL of files", () => {
  for (const url of ["file:///var/log/*.ndjson", "file:///a%20b?follow=true", "stdin:"]) {
    assert.equal(FILE.readUrl(url), url);
  }
  assert.equal(FILE.readUrl("file:///a?follow=false"), "file:///a");
  assert.equal(FILE.readUrl("stdin://"), "stdin:");
  for (
    const url of [
      "file://a",
      "file:a",
      "file:///a/",
      "file:///a?follow=1",
      "file:///a?b",
      "file:///%",
      "stdin:x",
    ]
  ) {
    assert.ok(typeof FILE.readUrl(url) === "object", url);
  }
  assert.equal(FILE.addressOf("file:///a?follow=true"), "file:///a");
});

const CONTEXT = {
  changed: () => {},
  arrived: () => {},
  heardTime: () => {},
  withheld: () => {},
  mayReadAhead: () => true,
  lineages: { readerOf: () => undefined, isKnown: () => false },
  clock: quickClock(),
  logger: undefined as never,
};
