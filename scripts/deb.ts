/**
 * Builds the package for Debian and its kin, by Debian's own dpkg-deb.
 *
 *   scripts/deno.sh run -A scripts/deb.ts [--output DIRECTORY] [--version VERSION] [--runtime FILE] [--quick]
 *
 * `--version` is that of the package, and `--runtime` the Deno that it brings; both are for tests. `--quick`
 * compresses little.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { VERSION } from "../src/version.ts";
import { compressed, layOutPackage, NAME, SETTINGS_PATH } from "./package_tree.ts";
import { currentTimeMs } from "./source_version.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DEBIAN = join(ROOT, "deploy", "debian");
const SCRIPTS = ["postinst", "prerm", "postrm"];
const ARCHITECTURES = { x86_64: "amd64", aarch64: "arm64" };
const MAINTAINER = "VaBus Data Handler contributors <noreply@example.org>";

export interface DebPlan {
  /** Directory of the package. */
  readonly output: string;
  /** Of the package, as Debian writes it. */
  readonly version: string;
  readonly runtime: string;
  readonly isQuick: boolean;
}

/** The path of the package. */
export async function buildDeb({ output, version, runtime, isQuick }: DebPlan): Promise<string> {
  const time = new Date(await currentTimeMs() ?? Date.now());
  const architecture = ARCHITECTURES[Deno.build.arch as keyof typeof ARCHITECTURES];
  await Deno.mkdir(output, { recursive: true });
  const tree = await Deno.makeTempDir({ dir: output, prefix: ".deb-" });
  try {
    // It becomes the root directory of the package.
    await Deno.chmod(tree, 0o755);
    const licence = (await Deno.readTextFile(join(ROOT, "LICENSE"))).trimEnd().split("\n").slice(4)
      .map((line) => line === "" ? " ." : ` ${line}`).join("\n");
    await layOutPackage(tree, runtime, {
      copyright: (await template("copyright")).replace("@LICENSE@", licence),
      "changelog.gz": compressed(await Deno.readTextFile(join(ROOT, "CHANGELOG.md"))),
      "changelog.Debian.gz": compressed(changelog(version, time)),
    });
    await writeText(tree, `usr/share/lintian/overrides/${NAME}`, await template("lintian-overrides"));
    const files = await filesBelow(tree);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const control = (await template("control")).replace("@VERSION@", version)
      .replace("@ARCHITECTURE@", architecture).replace("@SIZE@", `${Math.ceil(bytes / 1024)}`);
    await writeText(tree, "DEBIAN/control", control);
    await writeText(tree, "DEBIAN/conffiles", `/${SETTINGS_PATH}\n`);
    await writeText(tree, "DEBIAN/templates", await template("templates"));
    const sums = files.filter(({ path }) => path !== SETTINGS_PATH).map(({ path, md5 }) =>
      `${md5}  ${path}\n`
    );
    await writeText(tree, "DEBIAN/md5sums", sums.join(""));
    for (const script of SCRIPTS) {
      await Deno.copyFile(join(DEBIAN, script), join(tree, "DEBIAN", script));
      await Deno.chmod(join(tree, "DEBIAN", script), 0o755);
    }
    const path = join(output, `${NAME}_${version}_${architecture}.deb`);
    const { success, stderr } = await new Deno.Command("dpkg-deb", {
      args: [
        ...["--root-owner-group", "--threads-max=1", ...isQuick ? ["-Zgzip", "-z1"] : ["-Zxz"]],
        ...["--build", tree, path],
      ],
      env: { SOURCE_DATE_EPOCH: `${time.getTime() / 1000}` },
      stdin: "null",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return path;
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

/** As dpkg reads it: what has changed is in the changelog of the project, beside it. */
function changelog(version: string, time: Date): string {
  const date = time.toUTCString().replace("GMT", "+0000");
  const head = `${NAME} (${version}) stable; urgency=medium`;
  return `${head}\n\n  * See changelog.gz.\n\n -- ${MAINTAINER}  ${date}\n`;
}

interface PackagedFile {
  readonly path: string;
  readonly size: number;
  readonly md5: string;
}

async function filesBelow(root: string, below = ""): Promise<PackagedFile[]> {
  const files: PackagedFile[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, below))) {
    const path = join(below, name);
    if (isDirectory) {
      files.push(...await filesBelow(root, path));
    } else {
      const content = await Deno.readFile(join(root, path));
      files.push({ path, size: content.length, md5: createHash("md5").update(content).digest("hex") });
    }
  }
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

async function writeText(root: string, path: string, text: string): Promise<void> {
  const target = join(root, path);
  await Deno.mkdir(join(target, ".."), { recursive: true });
  await Deno.writeTextFile(target, text);
  await Deno.chmod(target, 0o644);
}

function template(name: string): Promise<string> {
  return Deno.readTextFile(join(DEBIAN, name));
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      output: { type: "string", default: join(ROOT, "dist", "packages") },
      version: { type: "string", default: `${VERSION}-1` },
      runtime: { type: "string", default: Deno.execPath() },
      quick: { type: "boolean", default: false },
    },
  });
  const { output, version, runtime, quick } = values;
  const path = await buildDeb({ output, version, runtime, isQuick: quick });
  console.log(`Built ${path}, ${((await Deno.stat(path)).size / 1e6).toFixed(1)} MB`);
}
