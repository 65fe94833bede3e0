/** One file under whatever name: when it is open, what comes after it, and how its reads end. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { Outcome } from "../../../src/contract/source.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { filesMatching, type FoundFile } from "../../../src/sources/file/file_names.ts";
import { FilePartition } from "../../../src/sources/file/file_partition.ts";
import { markOf } from "../../../src/sources/file/file_mark.ts";
import { OpenFile } from "../../../src/sources/file/open_file.ts";
import { OpenFiles } from "../../../src/sources/file/open_files.ts";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { namesOf } from "../../contract/source_reading.ts";
import { NO_EVENT_TEXTS } from "../event_texts.ts";
import { errorOf, eventText, inDirectory, lines, openIn } from "./written_files.ts";
import { loggerTo } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const LINGER_MS = 60_000;

/** A partition of a file, and a clock that a test moves. */
class Rig {
  nowMs = 0;
  readonly sleeps: number[] = [];
  readonly log: string[] = [];
  /** Called in each sleep. */
  slept: () => void | Promise<void> = () => {};
  /** Called when lines were read and are taken in. */
  arrived: () => void = () => {};
  readonly partition: FilePartition;
  private readonly batch = new EventBatch();

  private constructor(
    found: FoundFile,
    isFollowed: boolean,
    openFiles?: OpenFiles,
    reader?: ReturnType<typeof readerFor>,
    private position?: string,
  ) {
    const clock = {
      nowMs: () => {
        this.arrived();
        return 1_000_000;
      },
      monotonicMs: () => this.nowMs,
      sleep: async (ms: number) => {
        this.sleeps.push(ms);
        this.nowMs += ms;
        await this.slept();
      },
    };
    const logger = loggerTo(this.log, "warn");
    this.partition = new FilePartition(
      "id",
      found,
      { reader, isFollowed },
      { clock, logger },
      openFiles,
    );
  }

  static async of(
    path: string,
    isFollowed: boolean,
    openFiles?: OpenFiles,
    reader?: ReturnType<typeof readerFor>,
  ): Promise<Rig> {
    const [found] = await filesMatching(path);
    return new Rig(found!, isFollowed, openFiles, reader);
  }

  /** One of the same file, for a process that goes on where this one is. */
  async again(isFollowed: boolean): Promise<Rig> {
    const [found] = await filesMatching(this.partition.path);
    return new Rig(found!, isFollowed, undefined, undefined, this.position);
  }

  async read(waitMs = 0, limit = 2): Promise<Outcome & { names: readonly string[] }> {
    const { batch } = this;
    const from = { lineage: undefined, position: this.position, history: new LogHistory() };
    const outcome = await this.partition.read(from, batch, { limit, waitMs, isAfterRest: false }, NEVER);
    if ("next" in outcome) this.position = outcome.next;
    return { ...outcome, names: outcome.kind === "events" ? namesOf(batch) as string[] : [] };
  }

  /** The names of all events that are there. */
  async readAll(): Promise<string> {
    const all: string[] = [];
    for (;;) {
      const { kind, names } = await this.read();
      if (kind === "idle") return all.join();
      all.push(...names);
    }
  }

  /** How far it was read. */
  get at(): number {
    return markOf(this.position)!.at;
  }

  get headerAt(): number {
    return markOf(this.position)!.headerAt;
  }
}

const close = ({ partition }: Rig) => partition.close();
const append = (path: string, text: string) => Deno.writeTextFile(path, text, { append: true });

Deno.test("a file that is read once tells how much of it was, and one that is followed does not", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    await Deno.writeTextFile(path, lines(0, 3));
    const size = lines(0, 3).length;
    const once = await Rig.of(path, false);
    assert.deepEqual([once.partition.extent, once.partition.waitsForOthers], [{
      readBytes: 0,
      allBytes: size,
    }, true]);
    once.nowMs = 5000;
    const outcome = await once.read();
    assert.deepEqual([outcome.names, "decodeMs" in outcome && outcome.decodeMs], [["e0", "e1"], 0]);
    assert.deepEqual([once.partition.extent!.readBytes, once.headerAt], [lines(0, 2).length, 0]);
    assert.equal(await once.readAll(), "e2");
    assert.deepEqual([once.partition.extent!.readBytes, once.partition.waitsForOthers], [size, true]);
    const next = await once.again(false);
    assert.equal(next.partition.extent!.readBytes, 0);
    assert.equal(await next.readAll(), "");
    assert.equal(next.partition.extent!.readBytes, size, "all was read before");
    close(next);
    await append(path, lines(3, 5));
    assert.equal(await once.readAll(), "e3,e4");
    assert.deepEqual(once.partition.extent, { readBytes: size, allBytes: size });
    const followed = await Rig.of(path, true);
    assert.deepEqual([followed.partition.extent, followed.partition.waitsForOthers], [undefined, true]);
    await followed.readAll();
    assert.equal(followed.partition.waitsForOthers, false);
    close(once);
    close(followed);
  }));

Deno.test("a wait looks five times a second, and ends with its time or with what is written", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    await Deno.writeTextFile(path, lines(0, 1));
    const followed = await Rig.of(path, true);
    await followed.readAll();
    followed.sleeps.length = 0;
    assert.equal((await followed.read(500)).kind, "idle");
    assert.deepEqual(followed.sleeps.splice(0), [200, 200, 100]);
    followed.slept = () => append(path, "\n");
    assert.equal((await followed.read(500)).kind, "idle");
    assert.deepEqual(followed.sleeps.splice(0), [200]);
    followed.slept = () => {};
    assert.equal((await followed.read(0)).kind, "gap");
    assert.deepEqual(followed.sleeps, []);
    // What nobody writes to is not waited for.
    followed.partition.complete();
    assert.equal((await followed.read(500)).kind, "idle");
    const once = await Rig.of(path, false);
    await once.readAll();
    await once.read(500);
    assert.deepEqual([followed.sleeps, once.sleeps], [[], []]);
    close(followed);
    close(once);
  }));

Deno.test("a last line without a line break is one where the file is complete", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    await Deno.writeTextFile(path, lines(0, 1) + eventText(1).trimEnd());
    const followed = await Rig.of(path, true);
    assert.equal(await followed.readAll(), "e0");
    assert.equal(await followed.readAll(), "");
    followed.partition.isAt(path);
    assert.equal(await followed.readAll(), "");
    followed.partition.complete();
    assert.equal(await followed.readAll(), "e1");
    const once = await Rig.of(path, false);
    assert.equal(await once.readAll(), "e0,e1");
    once.partition.isAt(`${path}.1`);
    assert.deepEqual([once.partition.isComplete, once.partition.path], [true, `${path}.1`]);
    close(followed);
    close(once);
  }));

Deno.test("a file that was read to its end is closed for others, and read on when it is asked for", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    await Deno.writeTextFile(path, lines(0, 3));
    const openFiles = new OpenFiles(1);
    const rig = await Rig.of(path, true, openFiles);
    const { partition } = rig;
    assert.equal(partition.isOpen, false);
    assert.deepEqual((await rig.read()).names, ["e0", "e1"]);
    assert.equal(partition.isOpen, true);
    assert.equal(partition.pause(), true);
    assert.equal(partition.isOpen, false);
    // What was not read to its end is opened again.
    assert.equal(await rig.readAll(), "e2");
    openFiles.use({ pause: () => true });
    assert.equal(partition.isOpen, false);
    await append(path, lines(3, 4));
    const { next, ...rest } = await rig.read() as Outcome & { next: string };
    const nothing = { kind: "idle", lineage: undefined, offset: undefined, lost: 0, decodeMs: 0, names: [] };
    assert.deepEqual([rest, markOf(next)!.at], [nothing, lines(0, 3).length]);
    assert.equal(partition.isOpen, false);
    partition.complete();
    assert.equal(await rig.readAll(), "e3");
    // Not while it is read.
    let isPaused: boolean | undefined;
    await append(path, " ");
    const other = await Rig.of(path, true, openFiles);
    await other.readAll();
    other.slept = () => {
      isPaused = other.partition.pause();
    };
    await other.read(100);
    assert.deepEqual([isPaused, other.partition.isOpen, other.partition.pause()], [false, true, true]);
    close(rig);
    close(other);
  }));

Deno.test("a file that is not read any more says so, and one that cannot be says why", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    await Deno.writeTextFile(path, lines(0, 1));
    const rig = await Rig.of(path, true);
    await rig.readAll();
    close(rig);
    assert.equal(rig.partition.isOpen, false);
    assert.equal((await errorOf(rig.read())).message, `${path}: it is not read any more`);
    const other = await Rig.of(path, true);
    await Deno.remove(path);
    await other.partition.prepare();
    assert.equal(other.partition.isOpen, false);
    assert.match((await errorOf(other.read())).message, /there is no such file/);
  }));

Deno.test({
  name: "a file is open as long as it is needed, whatever becomes of its name, and no longer",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inDirectory(async (directory) => {
      const [path, next] = [`${directory}/a`, `${directory}/b`];
      await Deno.writeTextFile(path, lines(0, 2));
      const rig = await Rig.of(path, true);
      for (let time = 0; time < 2; time++) await rig.partition.prepare();
      assert.equal(openIn(directory), 1);
      assert.equal(rig.partition.pause(), true);
      assert.equal(openIn(directory), 0);
      await rig.partition.prepare();
      await Deno.rename(path, `${path}.away`);
      assert.equal(await rig.readAll(), "e0,e1");
      rig.partition.pause();
      assert.equal(openIn(directory), 0);
      await Deno.rename(`${path}.away`, path);
      assert.equal(await rig.readAll(), "");
      await Deno.copyFile(path, next);
      await append(next, lines(2, 3));
      const [found] = await filesMatching(next);
      rig.partition.goOnIn(found!, await OpenFile.open(next));
      assert.equal(openIn(directory), 2);
      rig.nowMs += LINGER_MS;
      assert.equal(await rig.readAll(), "e2");
      assert.deepEqual([openIn(directory), rig.partition.fileKey], [1, found]);
      rig.partition.goOnIn(found!, await OpenFile.open(next));
      close(rig);
      assert.equal(openIn(directory), 0);
    }),
});

Deno.test("a file that has a name again may be written to again", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    await Deno.writeTextFile(path, lines(0, 1) + eventText(1).trimEnd());
    const rig = await Rig.of(path, true);
    rig.partition.complete();
    rig.partition.isAt(path);
    assert.equal(rig.partition.isComplete, false);
    assert.equal(await rig.readAll(), "e0");
    rig.partition.complete();
    const [found] = await filesMatching(path);
    rig.partition.goOnIn(found!, await OpenFile.open(path));
    assert.equal(rig.partition.isComplete, false);
    close(rig);
  }));

Deno.test("a file goes on in the next one, once nobody has written to it for a minute, or it is deleted", () =>
  inDirectory(async (directory) => {
    for (const isDeleted of [false, true]) {
      const [first, second, third] = ["a", "b", "c"].map((name) => `${directory}/${name}${isDeleted}`) as [
        string,
        string,
        string,
      ];
      await Deno.writeTextFile(first, lines(0, 2));
      const rig = await Rig.of(first, true);
      const { partition } = rig;
      assert.equal(await rig.readAll(), "e0,e1");
      const own = partition.fileKey;
      assert.deepEqual([partition.isChanging, (await partition.end())!.at], [false, lines(0, 2).length]);
      const found: FoundFile[] = [];
      for (const path of [second, third]) {
        await Deno.copyFile(first, path);
        await append(path, path === second ? lines(2, 3) : lines(2, 4));
        const [file] = await filesMatching(path);
        found.push(file!);
        partition.goOnIn(file!, await OpenFile.open(path));
        assert.deepEqual([partition.isChanging, partition.fileKey], [true, file]);
        assert.equal((await partition.end())!.at, file!.bytes);
      }
      assert.deepEqual([partition.isChanging, partition.fileKey], [true, found[1]]);
      assert.notDeepEqual(own, found[1]);
      assert.equal((await partition.end())!.at, lines(0, 4).length);
      if (isDeleted) await Deno.remove(first);
      else {
        rig.nowMs += LINGER_MS - 1;
        assert.equal(await rig.readAll(), "");
        await append(first, lines(7, 8));
        assert.equal(await rig.readAll(), "e7");
        rig.nowMs += LINGER_MS - 1;
        assert.equal(await rig.readAll(), "");
        rig.nowMs++;
      }
      if (isDeleted) {
        assert.equal(await rig.readAll(), "e2");
        rig.nowMs += LINGER_MS;
        assert.equal(await rig.readAll(), "e3");
        assert.deepEqual([partition.isChanging, rig.at], [false, lines(0, 4).length]);
      } else {
        // Its own lines and those of the next one are no longer the same.
        await rig.readAll();
      }
      assert.equal((await partition.end())!.path, first);
      close(rig);
      await assert.rejects(rig.read());
    }
  }));

Deno.test("a file is quiet for as long as nothing has come since it was read to its end", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    await Deno.writeTextFile(path, lines(0, 3));
    const rig = await Rig.of(path, true);
    const { partition } = rig;
    assert.equal(await partition.isQuietFor(0), false);
    await rig.read();
    assert.equal(await partition.isQuietFor(0), false);
    await rig.readAll();
    rig.nowMs += 10;
    assert.deepEqual([await partition.isQuietFor(10), await partition.isQuietFor(11)], [true, false]);
    await append(path, eventText(3).slice(0, 5));
    assert.equal(await partition.isQuietFor(10), false);
    await rig.readAll();
    assert.deepEqual([await partition.isQuietFor(0), await partition.isQuietFor(1)], [true, false]);
    rig.nowMs += 10;
    assert.equal(await rig.readAll(), "");
    assert.equal(await partition.isQuietFor(10), true, "half a line that stays as it is");
    partition.complete();
    assert.equal(await partition.isQuietFor(0), false);
    close(rig);
  }));

Deno.test("a file that is written anew is read from its beginning, and told of once", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    await Deno.writeTextFile(path, lines(0, 3));
    const rig = await Rig.of(path, true);
    assert.equal(await rig.readAll(), "e0,e1,e2");
    for (const from of [5, 6]) {
      await Deno.writeTextFile(path, lines(from, from + 1));
      assert.equal(await rig.readAll(), `e${from}`);
      assert.equal(rig.log.length, 1);
    }
    assert.match(rig.log[0]!, /it was truncated or written anew: it is read from its beginning/);
    close(rig);
  }));

Deno.test("a file that is written anew while a read waits for more is read from its beginning", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    for (const [count, before] of [[1, 1], [2, 1], [200, 100], [100, 100]] as const) {
      await Deno.writeTextFile(path, lines(100, 100 + before));
      const rig = await Rig.of(path, true);
      assert.equal((await rig.readAll()).split(",").length, before);
      rig.slept = () => Deno.writeTextFile(path, lines(500, 500 + count));
      assert.equal((await rig.read(1000)).kind, "idle");
      rig.slept = () => {};
      assert.equal((await rig.readAll()).split(",")[0], "e500", `${count} in the place of ${before}`);
      assert.match(rig.log[0]!, /it was truncated or written anew/);
      close(rig);
    }
  }));

Deno.test("a file that is written anew while its lines are taken in is read from its beginning", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    for (const [before, limit] of [[1, 1], [3, 2], [100, 100], [100, 60], [100, 1]] as const) {
      await Deno.writeTextFile(path, lines(100, 100 + before));
      const rig = await Rig.of(path, true);
      rig.arrived = () => Deno.writeTextFileSync(path, lines(500, 500 + 2 * before));
      assert.equal((await rig.read(0, limit)).names[0], "e100");
      rig.arrived = () => {};
      assert.equal((await rig.readAll()).split(",")[0], "e500", `${limit} of ${before}`);
      close(rig);
    }
  }));

Deno.test("a file that is written anew between two accesses of a read is read from its beginning, once", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    const { read } = Deno.FsFile.prototype;
    let wasReached = true;
    for (let access = 1; wasReached; access++) {
      await Deno.writeTextFile(path, lines(100, 120));
      const rig = await Rig.of(path, true);
      await rig.readAll();
      await append(path, lines(120, 140));
      let accesses = 0;
      wasReached = false;
      Deno.FsFile.prototype.read = function (this: Deno.FsFile, into: Uint8Array) {
        if (++accesses === access) {
          wasReached = true;
          Deno.writeTextFileSync(path, lines(500, 600));
        }
        return read.call(this, into);
      };
      const names: string[] = [];
      try {
        for (let failures = 0; failures < 2;) {
          try {
            const outcome = await rig.read(0, 50);
            if (outcome.kind === "idle") break;
            names.push(...outcome.names);
          } catch (error) {
            assert.match((error as Error).message, /it was written anew while it was read/);
            failures++;
          }
        }
      } finally {
        Deno.FsFile.prototype.read = read;
      }
      const anew = names.filter((name) => Number(name.slice(1)) >= 500);
      const wanted = wasReached ? Array.from({ length: 100 }, (_, i) => `e${500 + i}`) : [];
      assert.deepEqual(anew, wanted, `at access ${access}`);
      close(rig);
    }
  }));

Deno.test("the end of a file is known while it is open, and else is where it was read to", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a`;
    await Deno.writeTextFile(path, lines(0, 3));
    const rig = await Rig.of(path, true);
    const { partition } = rig;
    assert.equal(await partition.end(), undefined);
    await rig.read();
    const end = await partition.end();
    assert.deepEqual([end!.at, end!.path, partition.mark], [lines(0, 3).length, path, undefined]);
    await rig.read();
    partition.pause();
    assert.equal((await partition.end())!.at, lines(0, 2).length);
    close(rig);
    await Deno.writeFile(`${path}.gz`, gzipSync(lines(0, 3)));
    const compressed = await Rig.of(`${path}.gz`, true);
    await compressed.partition.prepare();
    assert.equal(await compressed.partition.end(), undefined);
    await compressed.readAll();
    assert.deepEqual(await compressed.partition.end(), compressed.partition.mark);
    assert.equal(compressed.partition.mark!.at, lines(0, 3).length);
    close(compressed);
  }));

Deno.test("the beginning of a damaged file is in no line of the one that is written over it", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a.gz`;
    // Of its only line, some can be unpacked.
    const text = Array.from({ length: 9000 }, (_, i) => `x${i}`).join("");
    const whole = gzipSync(text);
    await Deno.writeFile(path, whole.subarray(0, whole.length - 9));
    const rig = await Rig.of(path, true);
    for (let time = 0; time < 2; time++) {
      assert.match((await errorOf(rig.read())).message, /cut off in the middle/);
    }
    await Deno.writeFile(path, gzipSync(lines(0, 3)));
    assert.equal(await rig.readAll(), "e0,e1,e2");
    assert.deepEqual(rig.log, []);
    close(rig);
  }));

Deno.test("what lies before a cut of a compressed file is read first, and the cut is told of then", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a.gz`;
    const whole = gzipSync(lines(0, 20_000));
    await Deno.writeFile(path, whole.subarray(0, whole.length - 20));
    const rig = await Rig.of(path, false);
    let count = 0;
    const error = await errorOf((async () => {
      for (;;) count += (await rig.read(0, 1000)).names.length;
    })());
    assert.match(error.message, /cut off in the middle/);
    assert.ok(count > 10_000 && count < 20_000, `${count}`);
    assert.equal(rig.partition.mark?.at, rig.at);
    await Deno.writeFile(path, whole);
    for (let names; (names = (await rig.read(0, 1000)).names).length > 0;) count += names.length;
    assert.equal(count, 20_000);
    close(rig);
  }));

Deno.test("a file of CSV that is written anew has its new header", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a.csv`;
    await Deno.writeTextFile(path, "t,a,b\n5,1,2\n");
    const texts = { ...NO_EVENT_TEXTS, format: "csv", name: "{/a}", value: "/b", timestamp: "/t" } as const;
    const rig = await Rig.of(path, true, undefined, readerFor(texts));
    assert.equal(await rig.readAll(), "1");
    await Deno.writeTextFile(path, "b,a,t\n7,3,5\n8,4,6\n");
    assert.equal(await rig.readAll(), "3,4");
    // These are other columns, though there are as many of them.
    await Deno.writeTextFile(path, "u,v,w\n7,3,5\n");
    assert.equal(await rig.readAll(), "");
    close(rig);
  }));
