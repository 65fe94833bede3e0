/**
 * Writes what package managers of other systems want to know of a release, out of its checksums: the formula
 * of Homebrew, and the manifests of winget and scoop.
 *
 *   scripts/deno.sh run -A scripts/package_managers.ts [--release DIRECTORY] [--output DIRECTORY]
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { VERSION } from "../src/version.ts";
import { flagsOf } from "./flags.ts";
import { filledTemplate } from "./package_plan.ts";
import { PLATFORMS } from "./platforms.ts";
import { HOMEPAGE, NAME } from "./project.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TEMPLATES = [
  `homebrew/${NAME}.rb`,
  ...["yaml", "installer.yaml", "locale.en-US.yaml"].map((end) => `winget/VaBus.DataHandler.${end}`),
  `scoop/${NAME}.json`,
];

/** The release has not all platforms. The message says what to do. */
export class IncompleteRelease extends Error {}

/**
 * Writes them into a directory, as they lie in `deploy/`, and returns their paths.
 *
 * @param release Directory of a release for all platforms.
 * @throws {IncompleteRelease}
 */
export async function writeForPackageManagers(release: string, output: string): Promise<string[]> {
  const sums = await checksums(release);
  const missing = PLATFORMS.map(({ fileName }) => fileName).filter((name) => !sums.has(name));
  if (missing.length > 0) {
    throw new IncompleteRelease(
      `${release} has no ${missing.join(", ")}. \`make dist ARGS=--all\` makes a release for all platforms.`,
    );
  }
  const values = {
    VERSION,
    DOWNLOADS: `${HOMEPAGE}/releases/download/v${VERSION}`,
    ...Object.fromEntries([...sums].map(([name, sum]) => [placeholder(name), sum])),
  };
  const paths: string[] = [];
  for (const template of TEMPLATES) {
    const path = join(output, template);
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await Deno.writeTextFile(path, await filledTemplate(template, values));
    paths.push(path);
  }
  return paths;
}

/** The SHA-256 of each file, by its name. */
async function checksums(release: string): Promise<Map<string, string>> {
  const path = join(release, "SHA256SUMS");
  const text = await Deno.readTextFile(path).catch(() => {
    throw new IncompleteRelease(`${path} is not there. \`make dist ARGS=--all\` makes a release.`);
  });
  return new Map(
    text.trim().split("\n").map((line) => {
      const [sum = "", name = ""] = line.split("  ");
      return [name, sum] as const;
    }),
  );
}

/** `vabus-data-handler-linux-x64` is SHA256_LINUX_X64. */
function placeholder(name: string): string {
  return `SHA256${name.replace(NAME, "").replaceAll(/[^a-zA-Z0-9]+/g, "_").toUpperCase()}`;
}

if (import.meta.main) {
  const values = flagsOf({
    release: { type: "string", default: join(ROOT, "dist", "release") },
    output: { type: "string", default: join(ROOT, "dist", "package-managers") },
  });
  try {
    console.log((await writeForPackageManagers(values.release, values.output)).join("\n"));
  } catch (error) {
    if (!(error instanceof IncompleteRelease)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
