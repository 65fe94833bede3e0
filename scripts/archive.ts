/** Archives that are the same bytes for the same files. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { VERSION } from "../src/version.ts";
import { currentTimeMs } from "./source_version.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * Packs files of the repository.
 *
 * @param files Arguments of tar: the files, relative to the root of the repository.
 */
export async function pack(path: string, files: readonly string[]): Promise<void> {
  const seconds = (await currentTimeMs() ?? Date.now()) / 1000;
  const { success, stderr } = await new Deno.Command("tar", {
    args: [
      ...["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"],
      ...[`--mtime=@${seconds}`, "--use-compress-program=gzip --no-name", "--file", path, ...files],
    ],
    cwd: ROOT,
    stdin: "null",
  }).output();
  if (!success) throw new Error(`tar could not write ${path}:\n${new TextDecoder().decode(stderr)}`);
}

/** The chart as `helm install` takes it, with the files that it links to. Returns its path. */
export async function packChart(directory: string): Promise<string> {
  const path = join(directory, `vabus-data-handler-${VERSION}.tgz`);
  await pack(path, ["--dereference", "--directory=deploy/helm", "vabus-data-handler"]);
  return path;
}
