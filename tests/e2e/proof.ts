/** How most end-to-end tests close: rows as an independent calculation has them, and books that balance. */
import assert from "node:assert/strict";
import { type Environment, runToEnd } from "../support/executable.ts";
import type { Oracle } from "../support/oracle.ts";
import { INSTANCE, sqliteSink } from "./plant.ts";

/** Has `verify` prove the books. Returns what it says. @throws where it does not. */
export async function assertProven(environment: Environment): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(["verify"], environment);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^PROVEN/m);
  return stdout;
}

/**
 * The same, after comparing each row of the SQLite sink with the oracle's.
 *
 * @param environment That of `handlerEnvironment`, with all windows closed and delivered.
 */
export async function assertExact(oracle: Oracle, environment: Environment): Promise<string> {
  oracle.assertRows(await sqliteSink(environment.SQLITE_PATH!).rows(), "SQLite", INSTANCE);
  return await assertProven(environment);
}
