import assert from "node:assert/strict";
import { report } from "../../src/cli/verify.ts";
import { ALL_WINDOWS, verify } from "../../src/control/verification.ts";
import { addToAccount } from "../../src/state/checkpoint/accounts.ts";
import { DOUBTFUL_ACCOUNT } from "../../src/state/outbox/losses.ts";
import { Inside } from "../state/inside.ts";
import { temporaryDirectory } from "../support/executable.ts";

const NEVER = new AbortController().signal;

Deno.test("the verdict says that none is counted twice only where that is known", async () => {
  await using directory = await temporaryDirectory();
  const { state } = new Inside(directory.path);
  try {
    const verdict = async () => report(await verify(state, [], ALL_WINDOWS, NEVER), [], false);
    assert.match(await verdict(), /PROVEN: no event is lost, none is counted twice\n/);
    state.transaction(() => addToAccount(state, DOUBTFUL_ACCOUNT, 3));
    assert.match(await verdict(), /of 3 events that a restored bus gave again nobody can tell/);
    assert.doesNotMatch(await verdict(), /none is counted twice/);
  } finally {
    state.close();
  }
});
