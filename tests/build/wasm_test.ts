import assert from "node:assert/strict";
import { compileTo, MODULE } from "../../scripts/wasm.ts";
import { temporaryDirectory } from "../support/executable.ts";

Deno.test("the committed module is what its source compiles to", async () => {
  await using directory = await temporaryDirectory();
  const output = `${directory.path}/plain_events.wasm`;
  await compileTo(output);
  const [made, committed] = await Promise.all([output, MODULE].map((path) => Deno.readFile(path)));
  assert.deepEqual(committed, made, "`make wasm` compiles it anew");
});
