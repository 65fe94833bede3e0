/** A machine of its own with a real systemd, in namespaces: systemd_room.sh. */
import { fileURLToPath } from "node:url";
import { temporaryDirectory, until } from "../support/executable.ts";

const NAMESPACES = ["--pid", "--fork", "--kill-child=KILL", "--mount", "--uts", "--ipc", "--cgroup", "--net"];

export interface Trial {
  /** What the script printed. */
  readonly log: string;
  /** What the room itself said. */
  readonly stderr: string;
}

/**
 * Runs a script of this directory in a room, to the line `done`.
 *
 * @param furnish A program that fills the root directory, and its arguments.
 */
export async function tryInRoom(script: string, furnish: readonly string[]): Promise<Trial> {
  await using directory = await temporaryDirectory();
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const machine = new Deno.Command("unshare", {
    args: [...NAMESPACES, here("systemd_room.sh"), directory.path, here(script), ...furnish],
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
  return { log: await told(), stderr: await said };
}

/** Whether there is a systemd, and namespaces may be made. */
export async function hasRoom(): Promise<boolean> {
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
