/** Builds the package for Debian and its kin, by Debian's own dpkg-deb. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { filledTemplate, type PackagePlan, packageTime, runBuilder } from "./package_plan.ts";
import { compressed, DOCUMENTS, layOutPackage, SETTINGS_PATH } from "./package_tree.ts";
import { DESCRIPTION, MAINTAINER, NAME } from "./project.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SCRIPTS = ["postinst", "prerm", "postrm"];
const ARCHITECTURES = { x64: "amd64", arm64: "arm64" };

/** The path of the package. */
export async function buildDeb(
  { output, version, architecture, runtime, isQuick }: PackagePlan,
): Promise<string> {
  const time = await packageTime();
  const name = ARCHITECTURES[architecture];
  await Deno.mkdir(output, { recursive: true });
  const tree = await Deno.makeTempDir({ dir: output, prefix: ".deb-" });
  try {
    // It becomes the root directory of the package.
    await Deno.chmod(tree, 0o755);
    await layOutPackage(tree, runtime, {
      zshDirectory: "usr/share/zsh/vendor-completions",
      ownFiles: {
        [`${DOCUMENTS}/copyright`]: await filledTemplate("debian/copyright", { LICENSE: await licence() }),
        [`${DOCUMENTS}/changelog.gz`]: compressed(await Deno.readTextFile(join(ROOT, "CHANGELOG.md"))),
        [`${DOCUMENTS}/changelog.Debian.gz`]: compressed(changelog(version, time)),
        [`usr/share/lintian/overrides/${NAME}`]: await filledTemplate("debian/lintian-overrides"),
      },
    });
    const files = await filesBelow(tree);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const control = await filledTemplate("debian/control", {
      VERSION: version,
      ARCHITECTURE: name,
      SIZE: `${Math.ceil(bytes / 1024)}`,
      DESCRIPTION: DESCRIPTION.map((lines) => lines.map((line) => ` ${line}`).join("\n")).join("\n .\n"),
    });
    await writeText(tree, "DEBIAN/control", control);
    await writeText(tree, "DEBIAN/conffiles", `/${SETTINGS_PATH}\n`);
    await writeText(tree, "DEBIAN/templates", await filledTemplate("debian/templates"));
    const sums = files.filter(({ path }) => path !== SETTINGS_PATH).map(({ path, md5 }) =>
      `${md5}  ${path}\n`
    );
    await writeText(tree, "DEBIAN/md5sums", sums.join(""));
    for (const script of SCRIPTS) {
      await Deno.copyFile(join(ROOT, "deploy/debian", script), join(tree, "DEBIAN", script));
      await Deno.chmod(join(tree, "DEBIAN", script), 0o755);
    }
    const path = join(output, `${NAME}_${version}_${name}.deb`);
    await runBuilder("dpkg-deb", [
      ...["--root-owner-group", "--threads-max=1", ...isQuick ? ["-Zgzip", "-z1"] : ["-Zxz"]],
      ...["--build", tree, path],
    ], time);
    return path;
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

/** As a paragraph of the file about copyrights. */
async function licence(): Promise<string> {
  return (await Deno.readTextFile(join(ROOT, "LICENSE"))).trimEnd().split("\n").slice(4)
    .map((line) => line === "" ? " ." : ` ${line}`).join("\n");
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
