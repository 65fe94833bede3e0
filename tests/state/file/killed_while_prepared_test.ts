/** A process that is killed while a state is created, restored or prepared leaves one that opens. */
import assert from "node:assert/strict";
import { openDatabase } from "../../../src/platform/file/database.ts";
import { backUpState } from "../../../src/state/file/backup.ts";
import { restoreState } from "../../../src/state/file/restore.ts";
import { createState } from "../../../src/state/file/state_creation.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError } from "../../../src/state/file/state_error.ts";

const NOW_MS = Date.UTC(2026, 0, 1);
/** Where SQLite's header has the format version for writers. */
const FORMAT_AT = 18;
const LOGGED = 2;

async function inDirectory(work: (root: string) => Promise<void> | void): Promise<void> {
  const root = Deno.makeTempDirSync({ prefix: "vabus-killed-test-" });
  try {
    await work(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

const open = (directory: string) => StateDatabase.open({ directory, instanceId: "one" });
const formatOf = (path: string) => Deno.readFileSync(path)[FORMAT_AT];

/** A state as a process that was killed in the middle of a change without a write-ahead log leaves it. */
function stateWithJournal(root: string): string {
  const [directory, killed] = [`${root}/state`, `${root}/killed`];
  open(directory).close();
  const database = openDatabase(`${directory}/state.sqlite`);
  database.exec("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN IMMEDIATE");
  // More than the cache holds, so that pages and journal are on disk before the commit.
  const insert = database.prepare("INSERT INTO meta VALUES (?, ?)");
  for (let i = 0; i < 2000; i++) insert.run(`half done ${i}`, `${i}`);
  Deno.mkdirSync(killed, { mode: 0o700 });
  for (const name of ["state.sqlite", "state.sqlite-journal", "commits"]) {
    Deno.copyFileSync(`${directory}/${name}`, `${killed}/${name}`);
  }
  database.exec("ROLLBACK");
  database.close();
  return killed;
}

function halvesIn(directory: string): number {
  const state = StateDatabase.openForReading(directory);
  try {
    return state.get<{ count: number }>("SELECT count(*) AS count FROM meta WHERE key GLOB 'half*'")!
      .count;
  } finally {
    state.close();
  }
}

Deno.test("a state has a write-ahead log before it has its name: created, and restored", () =>
  inDirectory(async (root) => {
    createState(`${root}/state.sqlite`, "one");
    assert.equal(formatOf(`${root}/state.sqlite`), LOGGED);
    assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name), ["state.sqlite"]);
    open(`${root}/state`).close();
    await backUpState(`${root}/state`, `${root}/backup`);
    restoreState(`${root}/backup`, `${root}/restored`, false, NOW_MS);
    assert.equal(formatOf(`${root}/restored/state.sqlite`), LOGGED);
    open(`${root}/restored`).close();
  }));

Deno.test("a new state is whole and on disk before it has its name", () =>
  inDirectory((root) => {
    const path = `${root}/state.sqlite`;
    const steps: unknown[] = [];
    const whole = ({ ino, size }: Deno.FileInfo) => ({ ino, size });
    const { renameSync } = Deno;
    const { syncSync } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.syncSync = function () {
      steps.push(["on disk", whole(this.statSync())]);
      syncSync.call(this);
    };
    Deno.renameSync = (from, to) => {
      steps.push(["named", whole(Deno.statSync(from))]);
      renameSync(from, to);
    };
    try {
      createState(path, "one");
    } finally {
      Deno.FsFile.prototype.syncSync = syncSync;
      Deno.renameSync = renameSync;
    }
    const state = whole(Deno.statSync(path));
    assert.deepEqual(steps, [["on disk", state], ["named", state]]);
  }));

Deno.test("what is half done is undone at the next start; who only reads says so", () =>
  inDirectory((root) => {
    const directory = stateWithJournal(root);
    assert.throws(
      () => StateDatabase.openForReading(directory),
      (error) => error instanceof StateError && /was killed.*Start the handler/.test(error.message),
    );
    open(directory).close();
    assert.equal(halvesIn(directory), 0);
    // One that was killed before it wrote anything.
    Deno.writeTextFileSync(`${directory}/state.sqlite-journal`, "");
    assert.equal(halvesIn(directory), 0);
    open(directory).close();
    assert.throws(() => Deno.statSync(`${directory}/state.sqlite-journal`), Deno.errors.NotFound);
  }));

Deno.test("an old journal never comes to a restored or a new state", () =>
  inDirectory(async (root) => {
    const directory = stateWithJournal(root);
    open(`${root}/other`).close();
    await backUpState(`${root}/other`, `${root}/backup`);
    restoreState(`${root}/backup`, directory, true, NOW_MS);
    open(directory).close();
    assert.equal(halvesIn(directory), 0);
    const lost = `${root}/lost`;
    Deno.mkdirSync(lost, { mode: 0o700 });
    Deno.writeTextFileSync(`${lost}/state.sqlite-journal`, "the rest of a state");
    assert.throws(() => open(lost), (error) => error instanceof StateError && error.kind === "damaged");
  }));
