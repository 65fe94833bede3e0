import assert from "node:assert/strict";
import { outcomeOf } from "../../src/cli/boundary.ts";
import { EXIT } from "../../src/cli/exit.ts";
import { OrderError } from "../../src/control/order_error.ts";

const DISCLOSURE = { isDebug: false, secrets: ["s3cr3t"] };

Deno.test("an order that is wrong is wrong usage, one that is impossible has failed; both say why", () => {
  assert.deepEqual(outcomeOf(new OrderError("wrong", "--sink x: there is none"), DISCLOSURE), {
    exitCode: EXIT.usage,
    message: "--sink x: there is none",
  });
  assert.deepEqual(outcomeOf(new OrderError("impossible", "the state knows no sink x"), DISCLOSURE), {
    exitCode: EXIT.failed,
    message: "the state knows no sink x",
  });
});

Deno.test("what nobody foresaw is told in one line, without secrets", () => {
  const { exitCode, message } = outcomeOf(new Error("at s3cr3t\nstack"), DISCLOSURE);
  assert.equal(exitCode, EXIT.failed);
  assert.match(message!, /^internal error: at \*\*\*\. .*LOG_LEVEL=debug/);
});
