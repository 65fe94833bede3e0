/**
 * The unit under a real systemd, as process 1 of a container in namespaces: start, reload, kill, stop.
 * Skipped where there is no systemd, or where the user may not create namespaces.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { executablePath, temporaryDirectory, until } from "../support/executable.ts";

const NAMESPACES = ["--pid", "--fork", "--kill-child=KILL", "--mount", "--uts", "--ipc", "--cgroup", "--net"];
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
    await using directory = await temporaryDirectory();
    const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
    const machine = new Deno.Command("unshare", {
      args: [
        ...NAMESPACES,
        here("systemd_room.sh"),
        directory.path,
        here("../../deploy/systemd"),
        executablePath(),
        here("systemd_trial.sh"),
      ],
      // A machine that boots has nothing of the tests' environment, such as a wrong clock.
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH")! },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const said = new Response(machine.stderr).text();
    let hasEnded = false;
    const ended = machine.status.then(() => hasEnded = true);
    const told = () => Deno.readTextFile(`${directory.path}/out/trial.log`).catch(() => "");
    try {
      await until(async () => hasEnded || (await told()).endsWith("done\n"), "the end of the trial");
    } finally {
      if (!hasEnded) machine.kill("SIGKILL");
      await ended;
    }
    assert.equal(await told(), EXPECTED, await said);
  },
});

async function hasRoom(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  const script =
    "mount -t cgroup2 cgroup2 /mnt && test -x /usr/lib/systemd/systemd && command -v ip journalctl";
  try {
    const { success } = await new Deno.Command("unshare", {
      args: [...NAMESPACES, "sh", "-c", script],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}
