/**
 * The unit under a real systemd, as process 1 of a container in namespaces: start, reload, kill, stop.
 * Skipped where there is no systemd, or where the user may not create namespaces.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { executablePath } from "../support/executable.ts";
import { hasRoom, tryInRoom } from "./systemd_room.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const EXPECTED = `start: exit 0, active running, pid new
user: vabus, by name: found
reload: exit 0, active running, pid kept
wrong reload: exit 0, active running, pid kept
status: exit 0, state /var/lib/vabus-data-handler/state.sqlite
kill -9: exit 0, active running, pid new
stop: exit 0, inactive dead, pid none
wrong start: exit 1, failed failed, pid none
wrong start: code 2, told
done
`;

Deno.test({
  name: "under systemd the service starts, reloads, keeps its settings where new ones are wrong, " +
    "restarts and stops",
  ignore: !await hasRoom(),
  fn: async () => {
    const trial = await tryInRoom("systemd_trial.sh", [
      here("furnish_with_host.sh"),
      here("../../deploy/systemd"),
      executablePath(),
    ]);
    assert.equal(trial.log, EXPECTED, trial.stderr);
  },
});
