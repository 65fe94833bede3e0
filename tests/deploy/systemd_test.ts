/** systemd's own check of the units. Skipped where systemd-analyze is missing. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isOnPath } from "../../scripts/debian.ts";
import { executablePath, temporaryDirectory } from "../support/executable.ts";
import { outcomeOf } from "../support/outcome.ts";

const UNITS = fileURLToPath(new URL("../../deploy/systemd", import.meta.url));
const SERVICE = "vabus-data-handler.service";
const ONCE = "vabus-data-handler-once.service";
const TIMER = "vabus-data-handler-once.timer";
const MAX_EXPOSURE = 2.0;

const ignore = !await isOnPath("systemd-analyze");

Deno.test({
  name: "the units are well formed, secrets included",
  ignore,
  fn: async () => {
    await using directory = await temporaryDirectory();
    await layOut(directory.path);
    await Deno.mkdir(join(directory.path, `${SERVICE}.d`));
    const secrets = `${SERVICE}.d/secrets.conf`;
    await Deno.copyFile(join(UNITS, secrets), join(directory.path, secrets));
    const units = [SERVICE, ONCE, TIMER].map((unit) => join(directory.path, unit));
    const { success, text } = await analyze("verify", "--man=no", ...units);
    assert.ok(success, text);
    assert.equal(text, "");
  },
});

for (const unit of [SERVICE, ONCE]) {
  Deno.test({
    name: `${unit} exposes no more than ${MAX_EXPOSURE}`,
    ignore,
    fn: async () => {
      await using directory = await temporaryDirectory();
      await layOut(directory.path);
      const { text } = await analyze("security", "--offline=true", "--no-pager", join(directory.path, unit));
      const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(text)?.[1]);
      assert.ok(exposure <= MAX_EXPOSURE, text);
    },
  });
}

Deno.test("the service and the round of the timer live in the same sandbox", async () => {
  const sandboxOf = async (unit: string) => {
    const text = await Deno.readTextFile(join(UNITS, unit));
    const start = text.indexOf("# A user of its own");
    assert.ok(start > 0, unit);
    return text.slice(start).split("\n[Install]")[0]!.trim();
  };
  assert.equal(await sandboxOf(ONCE), await sandboxOf(SERVICE));
});

/** The units as they would be installed, but for the place of the executable. */
async function layOut(directory: string): Promise<void> {
  for (const unit of [SERVICE, ONCE, TIMER]) {
    const text = await Deno.readTextFile(join(UNITS, unit));
    const here = text.replaceAll("/usr/local/bin/vabus-data-handler", `"${executablePath()}"`);
    await Deno.writeTextFile(join(directory, unit), here);
  }
}

async function analyze(...args: string[]): Promise<{ success: boolean; text: string }> {
  const { success, stdout, stderr } = await outcomeOf("systemd-analyze", ...args);
  return { success, text: stderr + stdout };
}
