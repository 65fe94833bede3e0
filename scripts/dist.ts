/**
 * Lays out a release in dist/release and checks it: an executable for each platform, install.sh with the
 * unit and the settings that it installs, the manual pages, the packages for Linux whose builders are there,
 * the chart for Helm, the bill of materials, the sources as they stand here, and the checksums of all.
 *
 *   scripts/deno.sh run -A scripts/dist.ts [--all] [--output DIRECTORY]
 *
 * `--all`: for every platform, by `deno compile`; otherwise for this one alone, in whichever form can be had.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { REGISTRY } from "../src/runtime/registry.ts";
import { VERSION } from "../src/version.ts";
import { pack, packChart } from "./archive.ts";
import { flagsOf } from "./flags.ts";
import { manPages } from "./man_pages.ts";
import { npmPackages } from "./npm_packages.ts";
import { buildPackages, chosenArchitectures } from "./packages.ts";
import { platformHere, PLATFORMS } from "./platforms.ts";
import { sbom } from "./sbom.ts";
import { settingsTemplate } from "./settings_template.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** The promised size of the form that contains its runtime compressed. */
const SELF_EXTRACTING_MAX_BYTES = 45e6;

async function run(command: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd: ROOT, env, stdin: "null" })
    .output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command} ${args.join(" ")} failed:\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout).trim();
}

async function checkExecutable(path: string): Promise<string> {
  const home = await Deno.makeTempDir({ prefix: "vabus-dist-" });
  try {
    const line = await run(path, ["--version"], { HOME: home, XDG_CACHE_HOME: home });
    if (!line.startsWith(`vabus-data-handler ${VERSION} (`)) {
      throw new Error(`${path} --version says: ${line}`);
    }
    return line;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

async function isScript(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const start = new Uint8Array(2);
  await file.read(start);
  return new TextDecoder().decode(start) === "#!";
}

const values = flagsOf({
  all: { type: "boolean", default: false },
  output: { type: "string", default: join(ROOT, "dist", "release") },
});
const { output } = values;
await Deno.remove(output, { recursive: true }).catch(() => {});
await Deno.mkdir(output, { recursive: true });

const here = platformHere();
for (const platform of values.all ? PLATFORMS : [here]) {
  const path = join(output, platform.fileName);
  const form = values.all ? ["--form", "compiled", "--target", platform.target] : [];
  console.log(
    await run(Deno.execPath(), ["run", "--allow-all", "scripts/build.ts", "--output", path, ...form]),
  );
  const { size } = await Deno.stat(path);
  if (size > SELF_EXTRACTING_MAX_BYTES && await isScript(path)) {
    throw new Error(`${path} has ${size} bytes, more than ${SELF_EXTRACTING_MAX_BYTES}.`);
  }
}
const version = await checkExecutable(join(output, here.fileName));
const commit = /\((.+?)\)/.exec(version)![1]!;
await Deno.copyFile(join(ROOT, "scripts", "install.sh"), join(output, "install.sh"));
for (const [name, text] of Object.entries(await manPages())) {
  await Deno.writeTextFile(join(output, name), text);
}
// For install.sh --service.
const unit = "vabus-data-handler.service";
await Deno.copyFile(join(ROOT, "deploy", "systemd", unit), join(output, unit));
await Deno.writeTextFile(join(output, "vabus-data-handler.env"), settingsTemplate(REGISTRY.catalogue));
await buildPackages(output, chosenArchitectures(values.all));
const bill = sbom({ version: VERSION, commit, denoVersion: Deno.version.deno }, await npmPackages());
await Deno.writeTextFile(join(output, "sbom.cdx.json"), JSON.stringify(bill, undefined, 2) + "\n");

// The sources include the hashes of images that pin_images.ts has written, which are in no commit.
const tracked = (await run("git", ["ls-files", "-z"])).split("\0").filter((name) => name !== "");
await pack(join(output, "source.tar.gz"), ["--", ...tracked]);
await packChart(output);

const names = (await Array.fromAsync(Deno.readDir(output), ({ name }) => name)).sort();
const sums = await Promise.all(names.map(async (name) => {
  const hash = createHash("sha256").update(await Deno.readFile(join(output, name))).digest("hex");
  return `${hash}  ${name}\n`;
}));
await Deno.writeTextFile(join(output, "SHA256SUMS"), sums.join(""));
console.log(`${output}: ${version}\n${sums.join("").trimEnd()}`);
