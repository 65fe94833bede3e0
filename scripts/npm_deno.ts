/** The Deno of a package, which may be for another processor than this one. */
import { join } from "node:path";
import { cacheDir } from "./cache.ts";
import { isFile } from "./debian.ts";
import { MissingPrerequisite } from "./missing_prerequisite.ts";
import { type Architecture, ARCHITECTURE_HERE } from "./package_plan.ts";

/**
 * The path of Deno for Linux: this very one for the architecture here, else the same version as npm has it,
 * from the cache.
 *
 * @throws {MissingPrerequisite} where npm does not bring it.
 */
export async function denoFor(architecture: Architecture): Promise<string> {
  if (architecture === ARCHITECTURE_HERE) return Deno.execPath();
  const path = join(cacheDir(), `deno-${Deno.version.deno}-linux-${architecture}`);
  if (await isFile(path)) return path;
  await Deno.mkdir(cacheDir(), { recursive: true });
  const work = await Deno.makeTempDir({ dir: cacheDir(), prefix: "deno." });
  try {
    const name = `@deno/linux-${architecture}-glibc@${Deno.version.deno}`;
    // `npm install` refuses what is for another processor.
    const archive = (await run("npm", ["pack", "--silent", name], work)).trim();
    await run("tar", ["--extract", "--file", archive], work);
    await Deno.chmod(join(work, "package/deno"), 0o755);
    await Deno.rename(join(work, "package/deno"), path);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return path;
}

async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd, stdin: "null" })
    .output();
  if (success) return new TextDecoder().decode(stdout);
  throw new MissingPrerequisite(
    `${program} could not bring the Deno of another processor: ${new TextDecoder().decode(stderr).trim()}`,
  );
}
