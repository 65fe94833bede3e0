/**
 * The packages in a Debian of its own, by systemd: install, configure, start, upgrade while events flow,
 * remove; and what lintian and rpmlint say of them. The Debian is laid out once, into the cache.
 *
 *   make test-packages
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { buildDeb } from "../../scripts/deb.ts";
import { ensureProgram } from "../../scripts/debian.ts";
import { debianBase } from "../../scripts/debian_base.ts";
import { ARCHITECTURE_HERE, type PackagePlan } from "../../scripts/package_plan.ts";
import { buildRpm } from "../../scripts/rpm.ts";
import { temporaryDirectory } from "../support/executable.ts";
import { outcomeOf } from "../support/outcome.ts";
import { schemaFixtures } from "../support/schema_fixtures.ts";
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
oldest schema: active, offset 2005, then 2005; dead letters 3, then 3
its aggregates: 560, and 70 open, then 630
`;
const OF_DEB = `remove: exit 0, inactive, state kept, settings env
install again: exit 0, books kept
other settings, nobody to ask: exit 1, set 1
with --force-confold: exit 0, set 1, there are env, env.dpkg-dist
purge, state kept: exit 0, state kept, settings gone
purge: exit 0, left behind: 0
done
`;
const OF_RPM = `remove: exit 0, inactive, state kept, settings env.rpmsave
install again: exit 0, books kept
settings of before: named 1
VABUS_URL=http
another version: exit 0, disabled
as packaged: exit 0
remove: exit 0, says what stays: 1
what it says done: exit 0, left behind: 0
done
`;

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Builds two versions and tries them. Returns the path of the newer one, which stays in `directory`. */
async function tried(
  directory: string,
  build: (plan: PackagePlan) => Promise<string>,
  kind: string,
  expected: string,
): Promise<string> {
  const plan = {
    output: directory,
    architecture: ARCHITECTURE_HERE,
    runtime: Deno.execPath(),
    isQuick: true,
  };
  const old = await build({ ...plan, version: "0.0.1-1" });
  const next = await build({ ...plan, version: "0.0.2-1" });
  const oldest = schemaFixtures()[0]!.state;
  const furnish = [here("furnish_with_debian.sh"), await debianBase(), here(kind), oldest, old, next];
  const trial = await tryInRoom("package_trial.sh", furnish);
  assert.equal(trial.log, expected, trial.stderr);
  return next;
}

Deno.test("deb: installs, upgrades while events flow, is removed and purged: nothing lost, nothing left behind", async () => {
  await using directory = await temporaryDirectory();
  const path = await tried(directory.path, buildDeb, "deb_kind.sh", EXPECTED + OF_DEB);
  await ensureProgram("lintian");
  assert.equal((await outcomeOf("lintian", "--fail-on=none", path)).stdout, "");
});

Deno.test("rpm: installs, upgrades while events flow, is removed: nothing lost, and what stays is said", async () => {
  await ensureProgram("rpmbuild", "rpm");
  await using directory = await temporaryDirectory();
  const path = await tried(directory.path, buildRpm, "rpm_kind.sh", EXPECTED + OF_RPM);
  await ensureProgram("rpmlint");
  const rc = here("../../deploy/rpm/rpmlintrc");
  const { stdout } = await outcomeOf("rpmlint", "--rpmlintrc", rc, path);
  assert.match(stdout, / 0 errors, 0 warnings/, stdout);
});
