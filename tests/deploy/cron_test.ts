/** The output that the cron line leaves for the mail. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "../support/executable.ts";

const TABLE = fileURLToPath(new URL("../../deploy/cron/vabus-data-handler", import.meta.url));
const PROGRAM = "/usr/local/bin/vabus-data-handler";

/** The command of the only line, after five fields of time and the user. */
async function command(): Promise<string> {
  const lines = (await Deno.readTextFile(TABLE)).split("\n").filter((line) => /^[*\d]/.test(line));
  assert.equal(lines.length, 1);
  return lines[0]!.split(" ").slice(6).join(" ");
}

for (
  const [what, said, code, mail] of [
    ["a quiet round", "", 0, ""],
    ["a warning", "a warning", 0, "a warning\n"],
    ["an outage that passes", "cannot be read\nNot everything could be done", 75, ""],
    [
      "a long outage",
      "cannot be read\nALARM: bus b has failed\nNot everything could be done",
      75,
      "ALARM: bus b has failed\n",
    ],
    ["its end", "ALARM over: bus b works again", 0, "ALARM over: bus b works again\n"],
    ["wrong settings", "1 fault", 2, "1 fault\n"],
  ] as const
) {
  Deno.test(`cron mails for ${what} what it should`, async () => {
    await using directory = await temporaryDirectory();
    const program = join(directory.path, "program");
    await Deno.writeTextFile(program, `#!/bin/sh\nprintf '%s' '${said}' >&2\nexit ${code}\n`, {
      mode: 0o755,
    });
    const line = (await command()).replace(PROGRAM, `'${program}'`);
    const { stdout, stderr, success } = await new Deno.Command("sh", { args: ["-c", line] }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert.deepEqual([text, success], [mail, code === 0 || code === 75]);
  });
}
