/** Transactions and views of a state that its handler has open. */
import assert from "node:assert/strict";
import type { SQLInputValue } from "node:sqlite";
import { Seal } from "../../../src/state/file/seal.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError, type StateErrorKind } from "../../../src/state/file/state_error.ts";
import { inTemporaryDirectory } from "../inside.ts";

/** A state with a mark in its books, and its directory. */
function withMark(work: (state: StateDatabase, directory: string) => void): void {
  inTemporaryDirectory((directory) => {
    const state = StateDatabase.open({ directory, instanceId: "one" });
    try {
      setMark(state, 1);
      work(state, directory);
    } finally {
      state.close();
    }
  });
}

function setMark(state: StateDatabase, value: number): void {
  state.transaction(() => state.run("INSERT OR REPLACE INTO account VALUES ('mark', ?)", value));
}

const markOf = (state: StateDatabase) =>
  state.get<{ value: number }>("SELECT value FROM account WHERE name = 'mark'")?.value;
const isError = (kind: StateErrorKind) => (error: unknown) =>
  error instanceof StateError && error.kind === kind;

Deno.test("whoever looks at a state sees one moment of it, until that is over or its work fails", () =>
  withMark((state, directory) => {
    const reader = StateDatabase.openForReading(directory, true);
    try {
      const seen = (): (number | undefined)[] => {
        const before = markOf(reader);
        setMark(state, before! + 1);
        return [before, markOf(reader)];
      };
      assert.deepEqual(seen(), [1, 2], "each question for itself");
      assert.deepEqual(reader.snapshot(seen), [2, 2]);
      assert.deepEqual(reader.snapshot(() => [...reader.snapshot(seen), markOf(reader)]), [3, 3, 3]);
      assert.throws(() =>
        reader.snapshot(() => {
          seen();
          throw new Error("no");
        }), /^Error: no$/);
      assert.deepEqual(seen(), [5, 6]);
    } finally {
      reader.close();
    }
  }));

Deno.test("a view of an open state stays at its moment, whatever is asked of it, until it is closed", () =>
  withMark((state, directory) => {
    const view = StateDatabase.view(directory);
    assert.equal(markOf(view), 1);
    setMark(state, 2);
    assert.deepEqual([markOf(view), view.snapshot(() => markOf(view)), markOf(view)], [1, 1, 1]);
    view.close();
    const next = StateDatabase.view(directory);
    assert.equal(markOf(next), 2);
    next.close();
    Deno.renameSync(state.path, `${state.path}.away`);
    assert.throws(() => StateDatabase.view(directory), isError("gone"));
    Deno.renameSync(`${state.path}.away`, state.path);
  }));

Deno.test("a transaction on a file that is away does not begin, and one whose file goes meanwhile leaves nothing", () =>
  withMark((state) => {
    const away = () => Deno.renameSync(state.path, `${state.path}.away`);
    const back = () => Deno.renameSync(`${state.path}.away`, state.path);
    away();
    let hasBegun = false;
    assert.throws(() => state.transaction(() => hasBegun = true), isError("gone"));
    assert.equal(hasBegun, false);
    back();
    assert.throws(() =>
      state.transaction(() => {
        state.run("UPDATE account SET value = 9");
        away();
      }), isError("gone"));
    back();
    assert.equal(markOf(state), 1);
    setMark(state, 2);
    new Seal(state).check();
  }));

Deno.test("what another process has written between two transactions is sealed with what they write", () =>
  withMark((state, directory) => {
    const other = StateDatabase.openForRequest(directory);
    for (const value of [2, 3]) {
      other.transaction(() => other.run("INSERT INTO account VALUES (?, 1)", `other ${value}`));
      setMark(state, value);
      new Seal(state).check();
    }
    other.close();
    assert.equal(state.seal.commits, 1 + 1 + 2 * 2, "its creation, the first mark, and two each");
    StateDatabase.check(directory);
  }));

Deno.test("statements that fail, of whatever kind, are errors and not answers", () =>
  withMark((state) => {
    const sql = "SELECT * FROM no_such_table";
    for (const ask of [() => state.all(sql), () => state.get(sql), () => [...state.iterate(sql)]]) {
      assert.throws(ask, /no such table/);
    }
    assert.throws(() => state.run("DELETE FROM no_such_table"), /no such table/);
    const foul = "SELECT abs(-9223372036854775807 - value) AS value FROM account";
    for (const ask of [() => state.all(foul), () => state.get(foul), () => [...state.iterate(foul)]]) {
      assert.throws(ask, /integer overflow/);
    }
  }));

Deno.test("space is given back where half of a file is free, and more than some of it", () =>
  withMark((state) => {
    const get = state.get.bind(state);
    const all = state.all.bind(state);
    const isGivenBack = (free: number, pages: number) => {
      let isAsked = false;
      state.get = <Row>(sql: string, ...values: SQLInputValue[]) =>
        sql.includes("freelist_count") ? { free, pages } as Row : get<Row>(sql, ...values);
      state.all = <Row>(sql: string, ...values: SQLInputValue[]) => {
        isAsked ||= sql === "PRAGMA incremental_vacuum(1024)";
        return all<Row>(sql, ...values);
      };
      setMark(state, free);
      return isAsked;
    };
    const answers = ([[4095, 4096], [4096, 8192], [4096, 8193], [9000, 18_000], [9000, 18_001]] as const)
      .map(([free, pages]) => isGivenBack(free, pages));
    assert.deepEqual(answers, [false, true, false, true, false]);
  }));
