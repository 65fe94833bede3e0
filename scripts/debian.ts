/** Programs of Debian's packages, which are installed where they are missing. */
import { join } from "node:path";
import { MissingPrerequisite } from "./missing_prerequisite.ts";

/** Other runs of apt-get may be under way. */
const LOCK_SECONDS = 300;

/**
 * A program on PATH.
 *
 * @param name Of the program, and of its package where that is not given.
 * @throws {MissingPrerequisite} when it is not there and cannot be installed.
 */
export async function ensureProgram(name: string, packageName: string = name): Promise<string> {
  if (!await isOnPath(name)) await installPackage([packageName], name);
  return name;
}

/**
 * Installs the first of the packages that is available; `variable` could name a running server instead.
 *
 * @throws {MissingPrerequisite} when none can be installed.
 */
export async function installPackage(
  packages: readonly string[],
  what: string,
  variable?: string,
): Promise<void> {
  const byHand = `Install ${what}${
    variable === undefined ? "" : `, or name a running server with ${variable}`
  }.`;
  if (Deno.uid() !== 0 || !await isOnPath("apt-get")) {
    throw new MissingPrerequisite(`${what} is missing. ${byHand}`);
  }
  console.error(`${what} is missing; installing it with apt-get.`);
  await (updated ??= aptGet(["update"]));
  for (const name of packages) {
    if (await aptGet(["install", "--yes", "--no-install-recommends", name])) return;
  }
  throw new MissingPrerequisite(`apt-get could not install ${packages.join(" or ")}. ${byHand}`);
}

/** That the lists of packages are new, once for this process. */
let updated: Promise<unknown> | undefined;
/** The runs so far: one of them at a time has the lock. */
let earlier: Promise<unknown> = Promise.resolve();

/** Returns whether it succeeded. On a failure its output goes to stderr. */
function aptGet(args: string[]): Promise<boolean> {
  const run = earlier.then(() => runAptGet(args));
  earlier = run.catch(() => {});
  return run;
}

async function runAptGet(args: string[]): Promise<boolean> {
  const { success, stderr } = await new Deno.Command("apt-get", {
    args: ["-qq", "-o", `DPkg::Lock::Timeout=${LOCK_SECONDS}`, ...args],
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
  }).output();
  if (!success) console.error(new TextDecoder().decode(stderr).trim());
  return success;
}

export async function isOnPath(program: string): Promise<boolean> {
  for (const directory of pathDirectories()) {
    if (await isFile(join(directory, program))) return true;
  }
  return false;
}

export function pathDirectories(): string[] {
  return (Deno.env.get("PATH") ?? "").split(":").filter((directory) => directory !== "");
}

export async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
