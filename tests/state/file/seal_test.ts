/**
 * Damage that SQLite does not notice: changed cells, missing rows, changed tables, missing commits at the
 * end.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { backUpState } from "../../../src/state/file/backup.ts";
import { restoreState } from "../../../src/state/file/restore.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { MemorySource, openRig } from "../../ingest/rig.ts";

const NOW_MS = Date.UTC(2026, 0, 1);
const NEVER = new AbortController().signal;

const reading = (name: string, value: number, second: number) => ({
  name,
  value,
  timestamp: NOW_MS / 1000 - 100 + second,
});

/** A state with rows in every table. `work` gets its directory while it is open, and when it is closed. */
async function withState(
  work: (directory: string) => void,
  whileOpen: (directory: string) => void = () => {},
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-seal-" });
  try {
    await grow(
      directory,
      [reading("a", 1, 1), reading("b", 2, 1), '"garbage"', reading("c", 3, 100)],
      whileOpen,
    );
    work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Lets a handler take these events in, with a checkpoint after each. */
async function grow(directory: string, events: unknown[], whileOpen: (directory: string) => void = () => {}) {
  const bus = new MemorySource();
  bus.publish(...events);
  using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "1" });
  bus.intervene = () => {
    rig.core.ingest.checkpointNow();
    return undefined;
  };
  await rig.readers[0]!.drain(NEVER);
  rig.core.ingest.checkpointNow();
  whileOpen(directory);
}

function assertDamaged(directory: string, detail: RegExp): void {
  const isRefusal = (error: unknown) =>
    error instanceof StateError && error.kind === "damaged" && detail.test(error.message);
  assert.throws(() => StateDatabase.openForReading(directory), isRefusal);
  assert.throws(() => StateDatabase.open({ directory, instanceId: "rig" }), isRefusal);
}

function openable(directory: string): void {
  StateDatabase.openForReading(directory).close();
  StateDatabase.open({ directory, instanceId: "rig" }).close();
}

for (
  const [change, detail] of [
    ["UPDATE account SET value = value + 1 WHERE name = 'received'", /small tables/],
    ["UPDATE source_partition SET position = position - 1", /small tables/],
    ["UPDATE sink SET cursor = cursor + 1", /small tables/],
    ["UPDATE meta SET value = 'gir' WHERE key = 'instance_id'", /small tables/],
    ["UPDATE sqlite_sequence SET seq = 9223372036854775807", /damaged/],
    ["UPDATE seal SET sum = sum + 1 WHERE name = 'commits'", /small tables/],
    ["DELETE FROM seal", /checksum/],
    ["UPDATE segment SET window_end_ms = window_end_ms + 1", /row of its table segment/],
    ["UPDATE segment SET sink_bits = 0", /row of its table segment/],
    ["DELETE FROM segment", /segment are missing/],
    ["UPDATE open_page_keys SET window_start_ms = 0", /open_page_keys/],
    ["UPDATE dead_letter SET raw = x'22'", /dead_letter/],
    ["UPDATE dead_letter SET purged = 1", /dead_letter/],
    ["DELETE FROM dead_letter", /dead_letter are missing/],
    ["DROP INDEX segment_by_window", /tables are not those/],
  ] as [string, RegExp][]
) {
  Deno.test(`refused: ${change}`, () =>
    withState((directory) => {
      openable(directory);
      const database = new DatabaseSync(`${directory}/state.sqlite`);
      database.exec(change);
      database.close();
      assertDamaged(directory, detail);
    }));
}

Deno.test("commits that are gone from the end are missed, and can be given up knowingly", async () => {
  const crashed = await Deno.makeTempDir({ prefix: "vabus-seal-" });
  try {
    await withState(() => {}, (directory) => copy(directory, crashed));
    const wal = `${crashed}/state.sqlite-wal`;
    await Deno.truncate(wal, Deno.statSync(wal).size / 2);
    const left = await Deno.readFile(wal);
    assertDamaged(crashed, /last \d+ of its commits are missing/);
    assert.deepEqual(await Deno.readFile(wal), left);
    await Deno.remove(wal);
    assertDamaged(crashed, /last \d+ of its commits are missing/);
    assertDamaged(crashed, /remove .+\/commits, .*restore --from FILE --replace.*trimmed meanwhile is lost/);
    await Deno.remove(`${crashed}/commits`);
    const backup = `${crashed}/backup`;
    await backUpState(crashed, backup);
    restoreState(backup, crashed, true, NOW_MS);
    openable(crashed);
  } finally {
    await Deno.remove(crashed, { recursive: true });
  }
});

Deno.test("after a crash nothing is missing, and a mark that is cut off promises nothing", async () => {
  const crashed = await Deno.makeTempDir({ prefix: "vabus-seal-" });
  try {
    await withState(() => {}, (directory) => copy(directory, crashed));
    await Deno.truncate(`${crashed}/commits`, 20);
    openable(crashed);
  } finally {
    await Deno.remove(crashed, { recursive: true });
  }
});

Deno.test("a state that is put back from a backup in good order, or is a new one, is not taken for damaged", () =>
  withState((directory) => {
    const path = `${directory}/state.sqlite`;
    const backup = Deno.readFileSync(path);
    const state = StateDatabase.open({ directory, instanceId: "rig" });
    state.transaction(() => state.run("UPDATE account SET value = 7 WHERE name = 'lost'"));
    state.close();
    Deno.writeFileSync(path, backup);
    openable(directory);
    Deno.removeSync(path);
    StateDatabase.open({ directory, instanceId: "rig" }).close();
    openable(directory);
  }));

Deno.test("a request that another process leaves is sealed too", () =>
  withState((directory) => {
    const handler = StateDatabase.open({ directory, instanceId: "rig" });
    const other = StateDatabase.openForRequest(directory);
    other.transaction(() => other.run("INSERT INTO wish (action, dead_letter_ids) VALUES ('purge', '[1]')"));
    handler.transaction(() => handler.run("UPDATE account SET value = 8 WHERE name = 'lost'"));
    other.close();
    handler.close();
    openable(directory);
  }));

/** What a crash leaves. */
function copy(directory: string, to: string): void {
  for (const name of ["state.sqlite", "state.sqlite-wal", "commits"]) {
    Deno.copyFileSync(`${directory}/${name}`, `${to}/${name}`);
  }
}
