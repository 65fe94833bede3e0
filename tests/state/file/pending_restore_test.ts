/** A restore that is interrupted at any step leaves the old state or the new one, never none. */
import assert from "node:assert/strict";
import { backUpState } from "../../../src/state/file/backup.ts";
import { restoreState } from "../../../src/state/file/restore.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError } from "../../../src/state/file/state_error.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

function copyAll(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name } of Deno.readDirSync(from)) {
    Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
    // Copying would make it younger.
    const { atime, mtime } = Deno.statSync(`${from}/${name}`);
    Deno.utimeSync(`${to}/${name}`, atime!, mtime!);
  }
}

/**
 * Runs `work`; answers with copies of `directory` as a crash before each of its file operations, and after
 * the last, would leave it.
 */
function crashImages(directory: string, imageRoot: string, work: () => void): string[] {
  const images: string[] = [];
  const { openSync, renameSync, removeSync } = Deno;
  const image = () => {
    Object.assign(Deno, { openSync, renameSync, removeSync });
    const path = `${imageRoot}/${images.length}`;
    copyAll(directory, path);
    images.push(path);
    Object.assign(Deno, observed);
  };
  const before = <A extends unknown[], R>(operation: (...args: A) => R) => (...args: A): R => {
    image();
    return operation(...args);
  };
  const observed = {
    openSync: before(openSync),
    renameSync: before(renameSync),
    removeSync: before(removeSync),
  };
  Object.assign(Deno, observed);
  try {
    work();
    image();
  } finally {
    Object.assign(Deno, { openSync, renameSync, removeSync });
  }
  return images;
}

function valueOf(state: StateDatabase): number {
  const { value } = state.get<{ value: number }>("SELECT value FROM account WHERE name = 'mark'")!;
  state.close();
  return value;
}

/**
 * A directory that a handler was killed in: what it last wrote, 2, is in the write-ahead log; the backup is
 * of 1.
 */
async function withKilledHandler(work: (root: string, directory: string, backup: string) => void) {
  const root = Deno.makeTempDirSync({ prefix: "vabus-restore-test-" });
  try {
    const [running, directory, backup] = [`${root}/running`, `${root}/killed`, `${root}/backup`];
    const state = StateDatabase.open({ directory: running, instanceId: "one" });
    state.transaction(() => state.run("INSERT INTO account VALUES ('mark', 1)"));
    await backUpState(running, backup);
    state.transaction(() => state.run("UPDATE account SET value = 2 WHERE name = 'mark'"));
    copyAll(running, directory);
    state.close();
    work(root, directory, backup);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

/**
 * The states that were put aside, each whole with its write-ahead log; a restore that is repeated puts its
 * backup aside too.
 */
function valuesPutAside(root: string, directory: string): number[] {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  return names.filter((name) => /^state\.sqlite\.before-\d+$/.test(name)).map((aside) => {
    const copy = Deno.makeTempDirSync({ dir: root });
    for (const name of names.filter((name) => name.startsWith(aside))) {
      Deno.copyFileSync(`${directory}/${name}`, `${copy}/state.sqlite${name.slice(aside.length)}`);
    }
    return valueOf(StateDatabase.openForReading(copy));
  });
}

/** What a crash at each step of a restore over the state in `directory` leaves there. */
function interruptedRestores(root: string, directory: string, backup: string): string[] {
  Deno.mkdirSync(`${root}/images`);
  return crashImages(directory, `${root}/images`, () => restoreState(backup, directory, true, NOW_MS));
}

Deno.test("whichever step a restore stops before, the next start has the old state or the backup, and loses neither", () =>
  withKilledHandler((root, directory, backup) => {
    const images = interruptedRestores(root, directory, backup);
    const told: boolean[] = [];
    const started = images.map((image) => {
      const state = StateDatabase.open({ directory: image, instanceId: "one" });
      told.push(state.putAside !== undefined);
      return valueOf(state);
    });
    assert.ok(told.includes(true) && !told.at(-1), "who finishes it says what was put aside");
    assert.deepEqual(started, [...started].sort().reverse(), "once it is the backup, it stays so");
    assert.deepEqual([...new Set(started)], [2, 1]);
    images.forEach((image, step) => {
      assert.deepEqual(valuesPutAside(root, image), started[step] === 1 ? [2] : [], `step ${step}`);
    });
  }));

Deno.test("whichever step a restore stops before, it can be repeated, and readers are told when they must wait for that", () =>
  withKilledHandler((root, directory, backup) => {
    const images = interruptedRestores(root, directory, backup);
    let told = 0;
    for (const image of images) {
      try {
        valueOf(StateDatabase.openForReading(image));
      } catch (error) {
        assert.ok(
          error instanceof StateError && /restore into .* was interrupted\. Start/.test(error.message),
          `${error}`,
        );
        told++;
      }
      restoreState(backup, image, true, NOW_MS);
      assert.equal(valueOf(StateDatabase.openForReading(image)), 1);
      assert.ok(valuesPutAside(root, image).includes(2));
    }
    assert.ok(told > 0);
  }));

Deno.test("a restore that was interrupted on an empty directory is finished by its repetition, which says so", () =>
  withKilledHandler((root, _, backup) => {
    const [directory, images] = [`${root}/new`, `${root}/images`];
    for (const path of [directory, images]) Deno.mkdirSync(path);
    const pending = crashImages(directory, images, () => restoreState(backup, directory, false, NOW_MS))
      .find((image) => [...Deno.readDirSync(image)].some(({ name }) => name === "state.sqlite.restored"));
    assert.throws(
      () => restoreState(backup, pending!, false, NOW_MS),
      /is now finished: .* Start the handler/,
    );
    assert.equal(valueOf(StateDatabase.openForReading(pending!)), 1);
  }));
