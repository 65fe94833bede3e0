import assert from "node:assert/strict";
import { commitsOf } from "../../src/state/file/seal.ts";
import { forgetStandingNote, readStandingNote, storeStandingNote } from "../../src/state/standing_note.ts";
import { withState } from "./inside.ts";

Deno.test("what a handler notes of itself is what it noted last, until it is forgotten", () =>
  withState((state) => {
    assert.equal(readStandingNote(state), undefined);
    const commits = commitsOf(state);
    forgetStandingNote(state);
    assert.equal(commitsOf(state), commits, "where there is none, nothing is written");
    const note = { causes: [], partitions: { bus: ["0", "1"], other: null } };
    storeStandingNote(state, note);
    const later = {
      ...note,
      causes: [{ name: "sink", detail: "away" }],
      notes: [],
      paces: { x: 7, y: null },
    };
    storeStandingNote(state, later);
    assert.deepEqual(readStandingNote(state), later);
    state.transaction(() => state.run("INSERT INTO setting_in_force VALUES ('TIMEZONE', 'UTC')"));
    forgetStandingNote(state);
    assert.equal(readStandingNote(state), undefined);
    assert.deepEqual(
      state.all<{ name: string }>("SELECT name FROM setting_in_force").map(({ name }) => name),
      [
        "TIMEZONE",
      ],
    );
  }));
