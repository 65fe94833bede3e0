/** The files of a package, laid out as they are on the host that it is installed on. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { bashScript } from "../src/cli/completion/bash.ts";
import { fishScript } from "../src/cli/completion/fish.ts";
import { wordsOfProgram } from "../src/cli/completion/words.ts";
import { zshScript } from "../src/cli/completion/zsh.ts";
import { REGISTRY } from "../src/runtime/registry.ts";
import { manPages } from "./man_pages.ts";
import { BEST_COMPRESSION } from "./packed_runtime.ts";
import { NAME } from "./project.ts";
import { settingsTemplate } from "./settings_template.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const UNITS = [`${NAME}.service`, `${NAME}-once.service`, `${NAME}-once.timer`];
const DROP_INS = ["backoff.conf", "secrets.conf"];
export const SETTINGS_PATH = `etc/${NAME}/env`;
export const DOCUMENTS = `usr/share/doc/${NAME}`;

/** Where kinds of packages differ in their files. */
export interface PackageKind {
  /** Where zsh looks for what packages complete. */
  readonly zshDirectory: string;
  /** Files that only this kind has, by their paths. */
  readonly ownFiles: Readonly<Record<string, string | Uint8Array>>;
}

/**
 * Writes the files into an empty directory.
 *
 * @throws where the program cannot be built, with the words of the build.
 */
export async function layOutPackage(directory: string, runtime: string, kind: PackageKind): Promise<void> {
  // The modes are those on the host, whoever builds.
  Deno.umask(0o022);
  const library = join(directory, "usr", "lib", NAME);
  await build(library, runtime);
  await Deno.mkdir(join(directory, "usr/bin"));
  await Deno.rename(join(library, "launcher.sh"), join(directory, "usr/bin", NAME));
  for (const [path, content] of Object.entries({ ...await texts(kind.zshDirectory), ...kind.ownFiles })) {
    const target = join(directory, path);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.writeFile(target, typeof content === "string" ? new TextEncoder().encode(content) : content);
    await Deno.chmod(target, path === SETTINGS_PATH ? 0o640 : 0o644);
  }
}

async function build(output: string, runtime: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", join(ROOT, "scripts/build.ts"), "--form", "files"],
      ...["--output", output, "--runtime", runtime, "--library", `/usr/lib/${NAME}`],
    ],
    cwd: ROOT,
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function texts(zshDirectory: string): Promise<Record<string, string | Uint8Array>> {
  const units = Object.fromEntries(
    await Promise.all(
      UNITS.map(async (unit) =>
        [`usr/lib/systemd/system/${unit}`, installedUnit(await deployed(`systemd/${unit}`))] as const
      ),
    ),
  );
  const dropIns = Object.fromEntries(
    await Promise.all(
      DROP_INS.map(async (name) =>
        [
          `${DOCUMENTS}/examples/${NAME}.service.d/${name}`,
          await deployed(`systemd/${NAME}.service.d/${name}`),
        ] as const
      ),
    ),
  );
  const pages = Object.entries(await manPages()).map(([name, text]) =>
    [`usr/share/man/man${name.at(-1)}/${name}.gz`, compressed(text)] as const
  );
  const words = wordsOfProgram(REGISTRY);
  return {
    ...units,
    ...dropIns,
    ...Object.fromEntries(pages),
    [SETTINGS_PATH]: settingsTemplate(REGISTRY.catalogue),
    [`usr/share/bash-completion/completions/${NAME}`]: bashScript(words),
    [`${zshDirectory}/_${NAME}`]: zshScript(words),
    [`usr/share/fish/vendor_completions.d/${NAME}.fish`]: fishScript(words),
  };
}

/** The unit with the package's executable, and the package's user instead of one that lives while it runs. */
function installedUnit(text: string): string {
  return text.replaceAll(`/usr/local/bin/${NAME}`, `/usr/bin/${NAME}`)
    .replace("# A user of its own that exists while it runs, and", "# The user of the package, and")
    .replace("DynamicUser=yes\n", "");
}

function deployed(path: string): Promise<string> {
  return Deno.readTextFile(join(ROOT, "deploy", path));
}

/** Without the time, so that the same text has the same bytes. */
export function compressed(text: string): Uint8Array {
  return gzipSync(text, { level: BEST_COMPRESSION });
}
