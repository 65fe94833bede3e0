/** A Debian for the trial of the packages: what debootstrap installs, of the release that runs here. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheDir } from "./cache.ts";
import { ensureProgram, isFile } from "./debian.ts";
import { MissingPrerequisite } from "./missing_prerequisite.ts";

const PACKAGES = ["systemd", "systemd-sysv", "dbus", "adduser", "debconf", "procps", "iproute2", "rpm"];
const SOURCES = ["/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"];
const WITHOUT = ["./var/cache/apt/*", "./var/lib/apt/lists/*", "./usr/share/doc/*", "./usr/share/locale/*"];

/**
 * The archive. Making it takes minutes, once.
 *
 * @throws {MissingPrerequisite} where it cannot be made: it takes root, and packages of Debian.
 */
export async function debianBase(): Promise<string> {
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(await Deno.readTextFile("/etc/os-release"))?.[1];
  if (suite === undefined) {
    throw new MissingPrerequisite("It takes a Debian: /etc/os-release names no release.");
  }
  const hash = createHash("sha256").update([suite, ...PACKAGES, ...WITHOUT].join()).digest("hex").slice(0, 8);
  const path = join(cacheDir(), `debian-${suite}-${hash}.tar`);
  if (await isFile(path)) return path;
  await ensureProgram("debootstrap");
  await Deno.mkdir(cacheDir(), { recursive: true });
  const work = await Deno.makeTempDir({ dir: cacheDir(), prefix: "debian." });
  try {
    const root = join(work, "root");
    await run("debootstrap", [
      "--variant=minbase",
      `--include=${PACKAGES.join()}`,
      suite,
      root,
      await mirror(),
    ]);
    const archive = join(work, "archive.tar");
    const excluded = WITHOUT.map((pattern) => `--exclude=${pattern}`);
    await run("tar", [
      "--create",
      "--one-file-system",
      ...excluded,
      "--file",
      archive,
      "--directory",
      root,
      ".",
    ]);
    await Deno.rename(archive, path);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return path;
}

/** Where this machine gets its packages from. */
async function mirror(): Promise<string> {
  for (const file of SOURCES) {
    if (!await isFile(file)) continue;
    const found = /^(?:URIs:|deb(?: \[.*\])?)\s+(\S+)/m.exec(await Deno.readTextFile(file));
    if (found !== null) return found[1]!;
  }
  throw new MissingPrerequisite("No source of Debian's packages is in /etc/apt.");
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("nice", {
    args: [program, ...args],
    stdin: "null",
  })
    .output();
  if (success) return;
  const decoder = new TextDecoder();
  const said = (decoder.decode(stderr) + decoder.decode(stdout)).trim().split("\n").slice(-5).join("\n");
  throw new MissingPrerequisite(`${program} could not lay out a Debian, which also takes root: ${said}`);
}
