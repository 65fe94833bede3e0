/** Builds the package for Fedora, Red Hat, openSUSE and their kin, by their own rpmbuild. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { filledTemplate, type PackagePlan, packageTime, runBuilder } from "./package_plan.ts";
import { compressed, DOCUMENTS, layOutPackage } from "./package_tree.ts";
import { DESCRIPTION, NAME, SUMMARY } from "./project.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ARCHITECTURES = { x64: "x86_64", arm64: "aarch64" };

/** The path of the package. */
export async function buildRpm(
  { output, version, architecture, runtime, isQuick }: PackagePlan,
): Promise<string> {
  const [upstream = "", release = ""] = version.split("-");
  const name = ARCHITECTURES[architecture];
  await Deno.mkdir(output, { recursive: true });
  const work = await Deno.makeTempDir({ dir: output, prefix: ".rpm-" });
  try {
    const tree = join(work, "tree");
    const sysusers = await filledTemplate("rpm/sysusers.conf");
    await layOutPackage(tree, runtime, {
      zshDirectory: "usr/share/zsh/site-functions",
      ownFiles: {
        [`${DOCUMENTS}/CHANGELOG.md.gz`]: compressed(await Deno.readTextFile(join(ROOT, "CHANGELOG.md"))),
        [`usr/share/licenses/${NAME}/LICENSE`]: await Deno.readTextFile(join(ROOT, "LICENSE")),
        [`usr/lib/sysusers.d/${NAME}.conf`]: sysusers,
        [`usr/lib/systemd/system-preset/80-${NAME}.preset`]: await filledTemplate("rpm/system.preset"),
      },
    });
    const spec = join(work, `${NAME}.spec`);
    await Deno.writeTextFile(
      spec,
      await filledTemplate(`rpm/${NAME}.spec`, {
        VERSION: upstream,
        RELEASE: release,
        SUMMARY: SUMMARY.charAt(0).toUpperCase() + SUMMARY.slice(1),
        DESCRIPTION: DESCRIPTION.map((lines) => lines.join("\n")).join("\n\n"),
        SYSUSERS: sysusers.trimEnd(),
        TREE: tree,
      }),
    );
    const macros = {
      _topdir: work,
      _rpmdir: work,
      _rpmfilename: "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
      _binary_payload: isQuick ? "w1.gzdio" : "w6.xzdio",
      // So that the same sources make the same bytes.
      _buildhost: "localhost",
      use_source_date_epoch_as_buildtime: "1",
      clamp_mtime_to_source_date_epoch: "1",
    };
    await runBuilder("rpmbuild", [
      ...["-bb", "--quiet", "--target", `${name}-linux`],
      ...Object.entries(macros).flatMap(([macro, value]) => ["--define", `${macro} ${value}`]),
      spec,
    ], await packageTime());
    const file = `${NAME}-${version}.${name}.rpm`;
    await Deno.rename(join(work, file), join(output, file));
    return join(output, file);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
