/**
 * The package in a Debian of its own, by systemd: install, configure, start, upgrade while events flow,
 * remove, purge; and what lintian says of it. The Debian is laid out once, into the cache.
 *
 *   make test-packages
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { buildDeb } from "../../scripts/deb.ts";
import { ensureProgram } from "../../scripts/debian.ts";
import { debianBase } from "../../scripts/debian_base.ts";
import { temporaryDirectory } from "../support/executable.ts";
import { tryInRoom } from "./systemd_room.ts";

const EXPECTED = `install: exit 0, inactive, enabled, root:vabus-data-handler 640
vabus-data-handler runs
settings that are set: 0
check: exit 0
start: exit 0, active, user vabus-data-handler, by name: found
cache: 0 files
upgrade: exit 0, active, pid new, settings 1
events: each once
verify: exit 0
remove: exit 0, inactive, state kept, settings kept
install again: exit 0, books kept
purge, state kept: exit 0, state kept, settings gone
purge: exit 0, left behind: 0
done
`;

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

Deno.test("installs, upgrades while events flow, is removed and purged: nothing lost, nothing left behind", async () => {
  await using directory = await temporaryDirectory();
  const plan = { output: directory.path, runtime: Deno.execPath(), isQuick: true };
  const old = await buildDeb({ ...plan, version: "0.0.1-1" });
  const next = await buildDeb({ ...plan, version: "0.0.2-1" });
  await ensureProgram("lintian");
  const { stdout } = await new Deno.Command("lintian", { args: ["--fail-on=none", next], stdin: "null" })
    .output();
  assert.equal(new TextDecoder().decode(stdout), "");

  const trial = await tryInRoom("package_trial.sh", [
    here("furnish_with_debian.sh"),
    await debianBase(),
    old,
    next,
  ]);
  assert.equal(trial.log, EXPECTED, trial.stderr);
});
