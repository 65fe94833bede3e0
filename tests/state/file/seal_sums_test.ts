/** What a seal counts and sums while rows come and go. */
import assert from "node:assert/strict";
import { commitsOf, Seal } from "../../../src/state/file/seal.ts";
import type { StateDatabase } from "../../../src/state/file/state_database.ts";
import { withState } from "../inside.ts";

const deadLetter = { refused_at_ms: 1, reason: "late", detail: "", purged: 0 };

function idsOf(state: StateDatabase): number[] {
  return state.all<{ id: number }>("SELECT id FROM dead_letter ORDER BY id").map(({ id }) => id);
}

Deno.test("a commit that changes something counts as one, and one that changes nothing does not count", () =>
  withState((state) => {
    assert.equal(commitsOf(state), 1, "a new state has one commit");
    for (const commits of [2, 3]) {
      state.transaction(() => state.run("INSERT OR REPLACE INTO account VALUES ('mark', ?)", commits));
      state.transaction(() => state.all("SELECT * FROM account"));
      assert.throws(() =>
        state.transaction(() => {
          state.run("DELETE FROM account");
          throw new Error("no");
        })
      );
      assert.equal(commitsOf(state), commits);
      const seal = new Seal(state);
      seal.begin();
      assert.equal(seal.commits, commits);
    }
    assert.equal(commitsOf({ all: () => [] }), 0);
    assert.equal(new Seal({ all: () => [], iterate: () => [], run: () => {} }).commits, 0);
  }));

Deno.test("rows that are put, replaced and removed by any way leave a seal that fits what is left", () =>
  withState((state) => {
    const { seal } = state;
    const check = () => new Seal(state).check();
    const checksums = new Map<number, number>();
    const put = (id: number) =>
      checksums.set(id, seal.put("dead_letter", { ...deadLetter, id, detail: `of ${id}` }));
    state.transaction(() => [1, 2, 3, 4, 5, 6].forEach(put));
    check();
    const known = (...ids: number[]) => new Map(ids.map((id) => [id, checksums.get(id)!]));
    state.transaction(() => seal.removeKnown("dead_letter", "id", known(2)));
    check();
    assert.deepEqual(idsOf(state), [1, 3, 4, 5, 6]);
    state.transaction(() => seal.removeKnown("dead_letter", "id", known(1, 5)));
    check();
    state.transaction(() => seal.removeKnown("dead_letter", "id", new Map()));
    check();
    assert.deepEqual(idsOf(state), [3, 4, 6]);
    state.transaction(() => seal.put("dead_letter", { ...deadLetter, id: 3, purged: 1 }, checksums.get(3)));
    check();
    state.transaction(() => seal.remove("dead_letter", "id > ? AND id < ?", 3, 6));
    check();
    assert.deepEqual(idsOf(state), [3, 6]);
    state.transaction(() => seal.remove("dead_letter", "id > 6"));
    check();
    state.transaction(() => seal.remove("dead_letter", "1"));
    check();
    assert.deepEqual(idsOf(state), []);
  }));

/** A row in a table of rows with numbers as keys, one with texts, and one of the small tables. */
function fill(state: StateDatabase): void {
  state.transaction(() => {
    for (const id of [1, 2]) state.seal.put("dead_letter", { ...deadLetter, id });
    state.seal.put("recent_ids", { source: "ü", last_sequence: 1, ids: new Uint8Array(16) });
    state.run("INSERT INTO account VALUES ('mark', 1)");
  });
}

Deno.test("a change past the seal is told by where it is: a row, the rows of a table, or the small tables", () => {
  const changes: [sql: string, message: RegExp][] = [
    [
      "UPDATE dead_letter SET detail = 'x' WHERE id = 2",
      /^the checksum of a row of its table dead_letter does/,
    ],
    ["UPDATE recent_ids SET checksum = checksum + 1", /^the checksum of a row of its table recent_ids does/],
    ["DELETE FROM dead_letter WHERE id = 1", /^rows of its table dead_letter are missing/],
    ["DELETE FROM recent_ids", /^rows of its table recent_ids are missing/],
    ["UPDATE account SET value = 2", /^the checksum over its small tables/],
    ["UPDATE seal SET sum = sum + 1 WHERE name = 'dead_letter'", /^the checksum over its small tables/],
  ];
  for (const [sql, message] of changes) {
    withState((state) => {
      fill(state);
      new Seal(state).check();
      state.run(sql);
      assert.throws(() => new Seal(state).check(), { name: "SealError", message }, sql);
    });
  }
});

Deno.test("a state that is sealed anew fits its seal, with other columns and without a table, and counts on", () =>
  withState((state) => {
    fill(state);
    state.transaction(() =>
      state.seal.put("audit", { id: 1, at_ms: 1, who: "a", action: "b", detail: "", count: 0 })
    );
    const { commits } = state.seal;
    state.transaction(() => {
      state.exec("ALTER TABLE dead_letter ADD COLUMN more INTEGER DEFAULT 7; DROP TABLE audit");
      state.run("UPDATE recent_ids SET checksum = 0");
      state.seal.sealAnew();
    });
    new Seal(state).check();
    assert.equal(commitsOf(state), commits + 1);
    state.run("UPDATE dead_letter SET more = 8 WHERE id = 1");
    assert.throws(() => new Seal(state).check(), /row of its table dead_letter/);
  }));
