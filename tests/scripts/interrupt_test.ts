/** An interrupt of the tests ends everything that they have started. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PATIENCE_MS, temporaryDirectory } from "../support/executable.ts";

const RUNNER = fileURLToPath(new URL("../../scripts/test.ts", import.meta.url));

/**
 * A test that waits for a program, which is connected to `port` for as long as it lives, and which a SIGTERM
 * does not end.
 */
function testOf(port: number): string {
  const program = `Deno.addSignalListener("SIGTERM", () => {});
    const connection = await Deno.connect({ port: ${port} });
    await connection.read(new Uint8Array(1));`;
  return `Deno.test("waits", async () => {
    const program = new Deno.Command(Deno.execPath(), { args: ["eval", "--no-config", ${
    JSON.stringify(program)
  }] });
    await program.output();
  });`;
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`${signal} ends the tests and what they have started, with ${code}`, async () => {
    await using directory = await temporaryDirectory();
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const test = join(directory.path, "waiting_test.ts");
    await Deno.writeTextFile(test, testOf((listener.addr as Deno.NetAddr).port));
    const runner = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "--no-check", RUNNER, test],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const program = await listener.accept();
    runner.kill(signal);
    assert.equal((await runner.status).code, code);
    // Its end of the connection closes with it; ours, which ends a program that went on, is closed only by a
    // defect.
    const patience = setTimeout(() => program.close(), PATIENCE_MS);
    assert.equal(await program.read(new Uint8Array(1)), null);
    clearTimeout(patience);
    program.close();
  });
}
