/**
 * Builds the packages for Linux: for Debian and its kin, and for Fedora, openSUSE and theirs.
 *
 *   scripts/deno.sh run -A scripts/packages.ts [--all] [--output DIRECTORY]
 *
 * `--all`: for every processor, with the Deno that npm has for it; otherwise for this one alone. Each kind is
 * built where its builder is on PATH: dpkg-deb (Debian's package dpkg), rpmbuild (rpm).
 */
import { fileURLToPath } from "node:url";
import { VERSION } from "../src/version.ts";
import { buildDeb } from "./deb.ts";
import { isOnPath } from "./debian.ts";
import { flagsOf } from "./flags.ts";
import { denoFor } from "./npm_deno.ts";
import { type Architecture, ARCHITECTURE_HERE, ARCHITECTURES } from "./package_plan.ts";
import { buildRpm } from "./rpm.ts";

const KINDS = [
  { builder: "dpkg-deb", build: buildDeb },
  { builder: "rpmbuild", build: buildRpm },
];

/** The paths of the packages. It prints which kind is left out, and why. */
export async function buildPackages(
  output: string,
  architectures: readonly Architecture[],
): Promise<string[]> {
  const paths: string[] = [];
  for (const { builder, build } of KINDS) {
    if (!await isOnPath(builder)) {
      console.log(`No ${builder} is here, so there is no package of its kind.`);
      continue;
    }
    for (const architecture of architectures) {
      const runtime = await denoFor(architecture);
      paths.push(await build({ output, version: `${VERSION}-1`, architecture, runtime, isQuick: false }));
    }
  }
  return paths;
}

/** What `--all` chooses from. */
export function chosenArchitectures(isAll: boolean): readonly Architecture[] {
  return isAll ? ARCHITECTURES : [ARCHITECTURE_HERE];
}

if (import.meta.main) {
  const values = flagsOf({
    all: { type: "boolean", default: false },
    output: { type: "string", default: fileURLToPath(new URL("../dist/packages", import.meta.url)) },
  });
  for (const path of await buildPackages(values.output, chosenArchitectures(values.all))) {
    console.log(`Built ${path}, ${((await Deno.stat(path)).size / 1e6).toFixed(1)} MB`);
  }
}
