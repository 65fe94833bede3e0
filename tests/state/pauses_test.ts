import assert from "node:assert/strict";
import { isOf, type Pause, pauseInWords, readPauses, storePauses } from "../../src/state/pauses.ts";
import { readAudit } from "../../src/state/audit.ts";
import { StateDatabase } from "../../src/state/file/state_database.ts";
import { StateError } from "../../src/state/file/state_error.ts";

const PAUSE: Pause = { kind: "source", name: "http://bus", who: "alice", sinceMs: 1_767_225_600_000 };
const ORDER = { who: "alice", atMs: 1_767_225_600_000, action: "pause", detail: "source http://bus" };

Deno.test("what is paused is kept, and what is stored otherwise is refused as damaged", () => {
  const root = Deno.makeTempDirSync({ prefix: "vabus-pauses-test-" });
  const state = StateDatabase.open({ directory: `${root}/state`, instanceId: "one" });
  try {
    assert.deepEqual(readPauses(state), []);
    const pauses: Pause[] = [PAUSE, { ...PAUSE, kind: "sink", name: "kafka" }];
    storePauses(state, pauses, ORDER, "done");
    assert.deepEqual(readPauses(state), pauses);
    assert.deepEqual(readAudit(state, 9), [{ ...ORDER, result: "done" }]);
    const ends = [8.64e15, -8.64e15].map((sinceMs) => ({ ...PAUSE, sinceMs }));
    storePauses(state, ends, ORDER, "done");
    assert.deepEqual(readPauses(state), ends);
    assert.equal(pauseInWords(PAUSE), "source http://bus is paused by alice since 2026-01-01T00:00:00.000Z");
    for (
      const wrong of [
        null,
        7,
        { ...PAUSE, kind: "window" },
        { ...PAUSE, name: 7 },
        { ...PAUSE, who: undefined },
        { ...PAUSE, sinceMs: "now" },
        { ...PAUSE, sinceMs: 8.65e15 },
      ]
    ) {
      storePauses(state, [PAUSE, wrong as Pause], ORDER, "done");
      assert.throws(() => readPauses(state), (error) => error instanceof StateError, JSON.stringify(wrong));
    }
  } finally {
    state.close();
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("a pause is that of the part of its kind and name", () => {
  const of = (kind: "source" | "sink", name: string) => isOf(PAUSE, { kind, name });
  assert.deepEqual([of("source", "http://bus"), of("sink", "http://bus"), of("source", "kafka")], [
    true,
    false,
    false,
  ]);
});
