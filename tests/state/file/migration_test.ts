/**
 * States of every schema that was released: read as they are, migrated in one step, damage found in them too.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { backUpState } from "../../../src/state/file/backup.ts";
import { restoreState } from "../../../src/state/file/restore.ts";
import {
  addRefusedEvents,
  leaveRequest,
  readDeadLetters,
  readRequests,
} from "../../../src/state/letters/dead_letters.ts";
import { PRESENT_SCHEMA } from "../../../src/state/file/present_schema.ts";
import { MIGRATIONS } from "../../../src/state/file/schema.ts";
import { schemaOf } from "../../../src/state/file/state_check.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { StateLock } from "../../../src/state/file/state_lock.ts";
import { readStatus } from "../../../src/control/status.ts";
import { statusRecord } from "../../../src/control/status_record.ts";
import { openFilesOn } from "../../support/file_locks.ts";
import { schemaFixtures } from "../../support/schema_fixtures.ts";

const NOW_MS = Date.UTC(2026, 0, 1);
const INSTANCE = "fixture";

async function withFixture(file: string, work: (directory: string, path: string) => Promise<void> | void) {
  const directory = await Deno.makeTempDir({ prefix: "vabus-migration-" });
  try {
    const path = `${directory}/state.sqlite`;
    await Deno.copyFile(file, path);
    await work(directory, path);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function versionOf(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return Number(database.prepare("SELECT value FROM meta WHERE key = 'schema_version'").get()!.value);
  } finally {
    database.close();
  }
}

function summary(state: StateDatabase): unknown {
  const { state_bytes: _, ...status } = statusRecord(readStatus(state, 0));
  return { status, deadLetters: readDeadLetters(state, { limit: 1000 }) };
}

function read<T>(directory: string, work: (state: StateDatabase) => T): T {
  const state = StateDatabase.openForReading(directory);
  try {
    return work(state);
  } finally {
    state.close();
  }
}

Deno.test("the present schema is what all migrations make together", () => {
  assert.deepEqual(PRESENT_SCHEMA, schemaOf(MIGRATIONS.length));
});

Deno.test("each schema before the present one has its fixture", () => {
  const versions = schemaFixtures().map(({ version }) => version);
  for (let version = 1; version < MIGRATIONS.length; version++) {
    assert.ok(versions.includes(version), `make the fixture of schema ${version} with the program of then`);
  }
});

for (const { version, state: file } of schemaFixtures()) {
  Deno.test(`schema ${version}: whoever reads leaves the file as it is and sees what the migrated one holds`, () =>
    withFixture(file, (directory, path) => {
      const before = Deno.readFileSync(path);
      const seen = read(directory, summary);
      assert.deepEqual(Deno.readFileSync(path), before);
      if (Deno.build.os === "linux") assert.equal(openFilesOn(path), 0, "nothing of it stays open");
      StateDatabase.open({ directory, instanceId: INSTANCE }).close();
      assert.equal(versionOf(path), MIGRATIONS.length);
      assert.deepEqual(read(directory, summary), seen);
    }));

  Deno.test(`schema ${version}: a migration that fails leaves the state as it was`, () =>
    withFixture(file, (directory, path) => {
      const seen = read(directory, summary);
      const exec = StateDatabase.prototype.exec;
      StateDatabase.prototype.exec = function (sql) {
        exec.call(this, sql);
        throw new Error("the disk is full");
      };
      try {
        if (version < MIGRATIONS.length) {
          assert.throws(() => StateDatabase.open({ directory, instanceId: INSTANCE }));
        }
      } finally {
        StateDatabase.prototype.exec = exec;
      }
      assert.equal(versionOf(path), version);
      assert.deepEqual(read(directory, summary), seen);
    }));

  Deno.test(`schema ${version}: dead letters go on, requests are left, a backup is made and restored`, () =>
    withFixture(file, async (directory, path) => {
      const deadLetters = read(directory, (state) => readDeadLetters(state, { limit: 1000 }));
      await backUpState(directory, `${directory}/backup`);
      assert.equal(versionOf(`${directory}/backup`), version);
      const requesting = StateDatabase.openForRequest(directory);
      leaveRequest(requesting, "purge", [1]);
      requesting.close();
      const state = StateDatabase.open({ directory, instanceId: INSTANCE });
      assert.equal(readRequests(state).length, 1);
      const deadLetter = {
        reason: "late",
        detail: "",
        bus: "one",
        partition: "",
        offset: 1,
        raw: new Uint8Array(1),
        rawBytes: 1,
      } as const;
      state.transaction(() => addRefusedEvents(state, [deadLetter], NOW_MS));
      const ids = readDeadLetters(state, { limit: 1000 }).map(({ id }) => id);
      assert.deepEqual(ids.slice(0, -1), deadLetters.map(({ id }) => id));
      assert.ok(ids.at(-1)! > Math.max(...ids.slice(0, -1)));
      state.close();
      assert.equal(versionOf(path), MIGRATIONS.length);
      restoreState(`${directory}/backup`, directory, true, NOW_MS);
      assert.equal(versionOf(path), MIGRATIONS.length);
      assert.deepEqual(
        read(directory, (restored) => readDeadLetters(restored, { limit: 1000 })),
        deadLetters,
      );
    }));

  Deno.test(`schema ${version}: another cell is noticed before anything is migrated`, () =>
    withFixture(file, (directory, path) => {
      const whole = Deno.readFileSync(path);
      for (
        const change of [
          "UPDATE account SET value = value + 1 WHERE name = 'received'",
          "UPDATE segment SET sink_bits = sink_bits + 1",
          "UPDATE dead_letter SET detail = 'other'",
          "DELETE FROM dead_letter WHERE id = (SELECT min(id) FROM dead_letter)",
        ]
      ) {
        Deno.writeFileSync(path, whole);
        const database = new DatabaseSync(path);
        database.exec(change);
        database.close();
        const isDamage = (error: unknown) => error instanceof StateError && error.kind === "damaged";
        assert.throws(() => StateDatabase.openForReading(directory), isDamage, change);
        assert.throws(() => StateDatabase.openForRequest(directory), isDamage, change);
        assert.throws(() => StateDatabase.open({ directory, instanceId: INSTANCE }), isDamage, change);
        assert.throws(() => restoreState(path, `${directory}/restored`, false, NOW_MS), isDamage, change);
      }
    }));

  if (version === MIGRATIONS.length) continue;
  Deno.test(`schema ${version}: while its handler runs, it is read, and no request is left in it`, () =>
    withFixture(file, (directory, path) => {
      const lock = StateLock.acquire(directory);
      try {
        read(directory, summary);
        assert.throws(
          () => StateDatabase.openForRequest(directory),
          (error) => error instanceof StateError && error.kind === "held",
        );
        assert.equal(versionOf(path), version);
      } finally {
        lock.release();
      }
    }));
}
