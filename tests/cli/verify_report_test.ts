import assert from "node:assert/strict";
import { report } from "../../src/cli/proof_report.ts";
import { ALL_WINDOWS } from "../../src/control/span.ts";
import { verify } from "../../src/control/verification.ts";
import { addToBookEntry } from "../../src/state/checkpoint/book_entries.ts";
import { DOUBTFUL_ENTRY, RESET_ENTRY } from "../../src/state/outbox/losses.ts";
import { Inside } from "../state/inside.ts";
import { temporaryDirectory } from "../support/executable.ts";

const NEVER = new AbortController().signal;

Deno.test("the verdict says that none is counted twice only where that is known", async () => {
  await using directory = await temporaryDirectory();
  const { state } = new Inside(directory.path);
  try {
    const verdict = async () => report(await verify(state, [], ALL_WINDOWS, NEVER), [], false);
    assert.match(await verdict(), /PROVEN: no event is lost, none is counted twice\n/);
    state.transaction(() => addToBookEntry(state, DOUBTFUL_ENTRY, 3));
    assert.match(
      await verdict(),
      /it is unknown whether 3 events that a bus gave again count twice/,
    );
    assert.doesNotMatch(await verdict(), /none is counted twice/);
  } finally {
    state.close();
  }
});

Deno.test("the verdict says that none is lost only where no bus began anew, which may have had unread events", async () => {
  await using directory = await temporaryDirectory();
  const { state } = new Inside(directory.path);
  try {
    state.transaction(() => addToBookEntry(state, RESET_ENTRY, 2));
    const verdict = report(await verify(state, [], ALL_WINDOWS, NEVER), [], false);
    assert.match(
      verdict,
      /^PROVEN: no event is known to be lost; none is counted twice; a bus began anew or went back 2 times, and/m,
    );
    assert.doesNotMatch(verdict, /no event is lost/);
  } finally {
    state.close();
  }
});
