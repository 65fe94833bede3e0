import { executablePath, type Output, surroundings } from "../support/executable.ts";

/**
 * Runs commands of a document in one shell, which finds the executable by its name.
 *
 * @param directory Gets a link to the executable, and is where the shell starts.
 * @param env Further variables. The shell has nothing else of the tests' environment but where what is
 * unpacked and temporary goes.
 */
export async function runShell(
  commands: string,
  directory: string,
  env: Readonly<Record<string, string>>,
): Promise<Output> {
  await linkExecutable(`${directory}/vabus-data-handler`);
  const ownDirectories = ["HOME", "TMPDIR", "XDG_CACHE_HOME"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", commands],
    cwd: directory,
    clearEnv: true,
    env: {
      ...surroundings(directory),
      ...Object.fromEntries(ownDirectories),
      PATH: `${directory}:${Deno.env.get("PATH")}`,
      ...env,
    },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function linkExecutable(link: string): Promise<void> {
  try {
    await Deno.symlink(executablePath(), link);
  } catch (error) {
    // Commands were run in this directory before.
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}
