import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { LOG_ID_MAX_CHARACTERS } from "../../../src/contract/source.ts";
import { backUpState } from "../../../src/state/file/backup.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError, type StateErrorKind } from "../../../src/state/file/state_error.ts";
import { inTemporaryDirectory, withState } from "../inside.ts";

const isRoot = Deno.uid() === 0;

function refused(kind: StateErrorKind, message: RegExp) {
  return (error: unknown) =>
    error instanceof StateError && error.kind === kind && message.test(error.message);
}

Deno.test("a state directory is one process's, one instance's, and says so", () => {
  const root = Deno.makeTempDirSync();
  const directory = `${root}/deep/state`;
  const state = StateDatabase.open({ directory, instanceId: "one" });
  assert.equal(Deno.statSync(directory).mode! & 0o777, 0o700);
  assert.throws(
    () => StateDatabase.open({ directory, instanceId: "one" }),
    refused("held", new RegExp(`pid ${Deno.pid}`)),
  );
  const reader = StateDatabase.openForReading(directory);
  assert.equal(reader.stateId, state.stateId);
  reader.close();
  const { stateId } = state;
  state.close();
  assert.throws(
    () => StateDatabase.open({ directory, instanceId: "two" }),
    refused("foreign", /INSTANCE_ID "one"/),
  );
  const again = StateDatabase.open({ directory, instanceId: "one" });
  assert.equal(again.stateId, stateId);
  again.close();
  Deno.removeSync(root, { recursive: true });
});

Deno.test("a state is not checked again for the orders to the process that holds it, but for all others", () => {
  const root = Deno.makeTempDirSync({ prefix: "vabus-trusted-" });
  const directory = `${root}/state`;
  const damaged = refused("damaged", /damaged/);
  const state = StateDatabase.open({ directory, instanceId: "one" });
  state.run("INSERT INTO account VALUES ('written past the seal', 1)");
  StateDatabase.openForReading(directory, true).close();
  StateDatabase.openForRequest(directory).close();
  assert.throws(() => StateDatabase.openForReading(directory), damaged);
  assert.throws(() => StateDatabase.check(directory), damaged);
  state.close();
  assert.throws(() => StateDatabase.openForReading(directory, true), damaged);
  assert.throws(() => StateDatabase.openForRequest(directory), damaged);
  Deno.removeSync(root, { recursive: true });
});

Deno.test("a damaged, empty, foreign, newer or half-gone state file is refused and left as it is", () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/state.sqlite`;
  const state = StateDatabase.open({ directory, instanceId: "one" });
  state.transaction(() => {
    for (let i = 0; i < 200; i++) state.run("INSERT INTO account VALUES (?, ?)", `filler ${i}`.repeat(50), i);
  });
  state.close();
  const whole = Deno.readFileSync(path);
  const open = () => StateDatabase.open({ directory, instanceId: "one" });
  const expectRefused = (content: Uint8Array, kind: StateErrorKind, message: RegExp) => {
    Deno.writeFileSync(path, content);
    assert.throws(open, refused(kind, message));
    assert.deepEqual(Deno.readFileSync(path), content);
    assert.throws(() => StateDatabase.openForReading(directory), StateError);
  };
  expectRefused(whole.slice(0, whole.length / 2), "damaged", /damaged/);
  expectRefused(new Uint8Array(0), "damaged", /empty/);
  expectRefused(new TextEncoder().encode("not a database".repeat(100)), "damaged", /damaged/);

  Deno.writeFileSync(path, whole);
  const newer = open();
  newer.transaction(() => newer.run("UPDATE meta SET value = '999' WHERE key = 'schema_version'"));
  newer.close();
  assert.throws(open, refused("newer", /newer version/));

  Deno.removeSync(path);
  Deno.writeFileSync(`${path}-wal`, new Uint8Array(10));
  assert.throws(open, refused("damaged", /gone/));
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("what is wrong with a damaged state is said once, and exactly", () => {
  const root = Deno.makeTempDirSync({ prefix: "vabus-damage-" });
  const directory = `${root}/state`;
  const path = `${directory}/state.sqlite`;
  StateDatabase.open({ directory, instanceId: "one" }).close();
  const whole = Deno.readFileSync(path);
  const byHand = (statement: string) => () => {
    const database = new DatabaseSync(path);
    database.exec(statement);
    database.close();
  };
  const damages: [damage: () => void, detail: RegExp][] = [
    [byHand("DELETE FROM meta WHERE key = 'state_id'"), /^no state_id$/],
    [
      byHand("UPDATE meta SET value = '1' WHERE key = 'schema_version'"),
      /^its tables are not those of this program$/,
    ],
    [byHand("CREATE TABLE more (a)"), /^its tables are not those of this program$/],
    [
      // What such a view would run is not run.
      byHand(
        "ALTER TABLE meta RENAME TO was; CREATE VIEW meta AS SELECT 'state_id' AS key, " +
          "abs(-9223372036854775807 - 1) AS value",
      ),
      /^its tables are not those of this program$/,
    ],
    [byHand("PRAGMA application_id = 1"), /^it is not a state file of this program$/],
    [
      // The count of free pages in the header: no table is read by it.
      () => {
        const bytes = whole.slice();
        new DataView(bytes.buffer).setUint32(36, 1);
        Deno.writeFileSync(path, bytes);
      },
      /freelist/i,
    ],
  ];
  for (const [damage, detail] of damages) {
    Deno.writeFileSync(path, whole);
    damage();
    for (
      const open of [
        () => StateDatabase.open({ directory, instanceId: "one" }),
        () => StateDatabase.openForReading(directory),
      ]
    ) {
      assert.throws(open, (error: unknown) => {
        assert.ok(error instanceof StateError, `${error}`);
        assert.equal(error.kind, "damaged");
        const [begin, end] = [`the state file ${path} is damaged (`, "). It is left as it is. "];
        assert.ok(error.message.startsWith(begin), error.message);
        const found = error.message.slice(begin.length, error.message.indexOf(end));
        assert.match(found, detail);
        return true;
      });
    }
  }
  Deno.removeSync(root, { recursive: true });
});

Deno.test("commits that are missing are counted", () => {
  const root = Deno.makeTempDirSync({ prefix: "vabus-commits-" });
  const directory = `${root}/state`;
  const path = `${directory}/state.sqlite`;
  const commit = (state: StateDatabase, times: number) => {
    for (let i = 0; i < times; i++) {
      state.transaction(() => state.run("INSERT OR REPLACE INTO account VALUES ('mark', ?)", i));
    }
  };
  const open = () => StateDatabase.open({ directory, instanceId: "one" });
  let state = open();
  commit(state, 5);
  state.close();
  const earlier = Deno.readFileSync(path);
  state = open();
  commit(state, 3);
  const marks = [Deno.readFileSync(`${directory}/commits`)];
  state.close();
  state = open();
  // Of a handler that has committed nothing yet.
  marks.push(Deno.readFileSync(`${directory}/commits`));
  state.close();
  Deno.writeFileSync(path, earlier);
  const isMissing = refused(
    "damaged",
    new RegExp(`^the state file ${path} is damaged \\(the last 3 of its commits`),
  );
  for (const mark of marks) {
    Deno.writeFileSync(`${directory}/commits`, mark);
    assert.throws(open, isMissing);
    assert.throws(() => StateDatabase.openForReading(directory), isMissing);
  }
  Deno.removeSync(root, { recursive: true });
});

Deno.test("the id of a bus's log may be as long as the contract says, and no longer", () => {
  const root = Deno.makeTempDirSync({ prefix: "vabus-log-id-" });
  const withLog = (directory: string, length: number) => {
    const state = StateDatabase.open({ directory, instanceId: "one" });
    state.transaction(() =>
      state.run("INSERT INTO lineage_left VALUES (?, NULL, NULL, 1)", "x".repeat(length))
    );
    state.close();
    StateDatabase.openForReading(directory).close();
  };
  withLog(`${root}/longest`, LOG_ID_MAX_CHARACTERS);
  assert.throws(
    () => withLog(`${root}/longer`, LOG_ID_MAX_CHARACTERS + 1),
    refused("damaged", /the id of a bus's log is longer than any/),
  );
  Deno.removeSync(root, { recursive: true });
});

Deno.test("reading a state that is not there says where it was looked for", () => {
  assert.throws(() => StateDatabase.openForReading("/nonexistent"), refused("missing", /\/nonexistent/));
});

Deno.test("a file is no state directory, nor is what would lie below it", () => {
  const file = Deno.makeTempFileSync();
  try {
    for (const directory of [file, `${file}/below`]) {
      assert.throws(
        () => StateDatabase.openForReading(directory),
        refused("missing", /there is no state in/),
      );
      assert.throws(
        () => StateDatabase.open({ directory, instanceId: "one" }),
        refused("unwritable", /is no directory\. .*set STATE_DIR/),
      );
    }
  } finally {
    Deno.removeSync(file);
  }
});

Deno.test("a transaction that throws leaves nothing", () => {
  const directory = Deno.makeTempDirSync();
  const state = StateDatabase.open({ directory, instanceId: "one" });
  assert.throws(() =>
    state.transaction(() => {
      state.run("INSERT INTO account VALUES ('a', 1)");
      throw new Error("no");
    }), /no/);
  assert.deepEqual(state.all("SELECT * FROM account"), []);
  state.close();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("a backup that was copied into its place by hand is written as a state is", async () => {
  const root = Deno.makeTempDirSync({ prefix: "vabus-copied-" });
  const directory = `${root}/state`;
  StateDatabase.open({ directory, instanceId: "one" }).close();
  await backUpState(directory, `${root}/backup`);
  Deno.copyFileSync(`${root}/backup`, `${directory}/state.sqlite`);
  const state = StateDatabase.open({ directory, instanceId: "one" });
  const settings = ["journal_mode", "synchronous", "cache_size", "journal_size_limit"];
  const inForce = settings.map((name) => Object.values(state.get<object>(`PRAGMA ${name}`)!)[0]);
  assert.deepEqual(inForce, ["wal", 2, -8000, 64 * 1024 * 1024]);
  state.close();
  Deno.removeSync(root, { recursive: true });
});

Deno.test("a state whose file is away writes nothing, and goes on once it is back", () =>
  withState((state) => {
    const path = state.path;
    const write = () => state.transaction(() => state.run("INSERT INTO account VALUES ('mark', 1)"));
    state.transaction(() => state.run("INSERT INTO account VALUES ('before', 1)"));
    for (const name of [path, `${path}-wal`]) {
      Deno.renameSync(name, `${name}.away`);
      assert.throws(write, refused("gone", new RegExp(`the state file ${name} was removed while`)));
      Deno.copyFileSync(`${name}.away`, name);
      assert.throws(write, refused("gone", new RegExp(`the state file ${name} was replaced while`)));
      Deno.renameSync(`${name}.away`, name);
    }
    write();
    assert.deepEqual(state.all<{ name: string }>("SELECT name FROM account").map(({ name }) => name), [
      "before",
      "mark",
    ]);
  }));

Deno.test({
  name: `root opens no state in the directory of another user, and makes none${
    isRoot ? "" : " (left out: needs root)"
  }`,
  ignore: !isRoot,
  fn: () =>
    inTemporaryDirectory((root) => {
      const theirs = `${root}/theirs`;
      StateDatabase.open({ directory: theirs, instanceId: "one" }).close();
      Deno.chownSync(theirs, 65532, 65531);
      for (const directory of [theirs, `${theirs}/below`]) {
        assert.throws(
          () => StateDatabase.open({ directory, instanceId: "one" }),
          refused("untrusted", /theirs belongs to the user with uid 65532/),
        );
      }
      assert.ok([...Deno.readDirSync(theirs)].every(({ name }) => name !== "below"));
    }),
});
