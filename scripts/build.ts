/**
 * Builds the program into one executable file.
 *
 *   scripts/deno.sh run -A scripts/build.ts [--entry src/main.ts]
 *     [--output dist/vabus-data-handler] [--form FORM] [--target TARGET] [--runtime FILE] [--library LIBRARY]
 *
 * FORM is `compiled` (by `deno compile`, whose runtime has to be fetched from Deno's own site),
 * `self-extracting` (a shell script with this very Deno and the bundled program behind it, see `launcher/`),
 * `files` (a directory with both as files, for a package that installs it as LIBRARY) or `auto`: the first
 * where it can be fetched, else the second. TARGET is that of `deno compile`, for
 * another platform; only `compiled` can have one. `--runtime` names what the other forms bring in the
 * place of this Deno; it is for the tests of the launcher, which would else unpack a hundred megabytes each.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, stripVTControlCharacters } from "node:util";
import { gzipSync } from "node:zlib";
import { VERSION } from "../src/version.ts";
import { bundle, namesOfParts, PARTS, partsBeside } from "./bundle.ts";
import { BEST_COMPRESSION, packedRuntime } from "./packed_runtime.ts";
import { launcherText, V8_FLAGS } from "./launcher.ts";
import { PERMISSION_FLAGS } from "./permissions.ts";
import { currentCommit, currentTimeMs, SourceTimeError } from "./source_version.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const COMPILE_TIMEOUT_MS = 60_000;
/** Starts the program in a directory of the form `files`. */
const LAUNCHER = "launcher.sh";

/** An error that a person can act upon. It is shown without a stack. */
class BuildError extends Error {}

const FORMS = ["auto", "compiled", "self-extracting", "files"] as const;

interface Plan {
  entry: string;
  output: string;
  form: typeof FORMS[number];
  target: string | undefined;
  /** The Deno that it brings, where it is not compiled. */
  runtime: string;
  /** Where the directory of the form `files` is going to be. */
  library: string;
}

async function build(plan: Plan): Promise<string> {
  const commit = await currentCommit();
  await Deno.mkdir(dirname(plan.output), { recursive: true });
  // The temporary directory is beside the output, so that the result can be renamed.
  const work = await Deno.makeTempDir({ dir: dirname(plan.output), prefix: ".build-" });
  try {
    const main = join(work, "main.mjs");
    // The name is set, since `deno compile` would add .exe for Windows.
    const executable = join(work, basename(plan.output));
    await bundleProgram(plan.entry, main, commit);
    const [form, note] = await makeExecutable(plan, main, executable, commit);
    await Deno.chmod(executable, 0o755);
    await Deno.rename(executable, plan.output);
    const { size, isFile } = await Deno.stat(plan.output);
    const megabytes = isFile ? `, ${(size / 1e6).toFixed(1)} MB` : "";
    return `Built ${plan.output}: ${form}${megabytes}, version ${VERSION} (${commit})${note}`;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** The form that was built, and why, where it was not the first choice. */
async function makeExecutable(
  plan: Plan,
  main: string,
  executable: string,
  commit: string,
): Promise<[form: string, note: string]> {
  const { form, target, runtime } = plan;
  if (form === "files") {
    await writeFiles(main, executable, plan, commit);
    return [form, ""];
  }
  let note = "";
  if (form !== "self-extracting") {
    const fault = await compile(main, executable, target);
    if (fault === undefined) return ["compiled", note];
    if (form === "compiled") throw new BuildError(`deno compile failed: ${fault}`);
    note = `; not compiled, since deno compile failed: ${fault}`;
  }
  await writeSelfExtracting(main, executable, runtime, commit);
  return ["self-extracting", note];
}

/** Bundles the program, with what it is to know of this build. */
async function bundleProgram(entry: string, main: string, commit: string): Promise<void> {
  const facts = `globalThis.__VABUS_COMMIT__ = ${JSON.stringify(commit)};\n` +
    `globalThis.__VABUS_BUILT_AT_MS__ = ${await currentTimeMs()};\n`;
  const run = async (directory: string, args: string[]) => {
    const { success, stdout, stderr } = await deno(args, directory);
    if (!success) throw new BuildError(`deno ${args[0]} failed:\n${decode(stderr)}`);
    return stdout;
  };
  await bundle({ entry, main, facts, deno: run });
}

/** The reason of a failure in one line; undefined: it worked. */
async function compile(
  main: string,
  output: string,
  target: string | undefined,
): Promise<string | undefined> {
  const { success, stderr } = await deno(
    [
      "compile",
      ...PERMISSION_FLAGS,
      // For the demo, which starts a handler. Every other command gives it up at its begin: src/main.ts.
      "--allow-run",
      V8_FLAGS,
      "--no-check",
      "--no-config",
      "--no-lock",
      ...(target === undefined ? [] : [`--target=${target}`]),
      `--output=${output}`,
      main,
    ],
    ROOT,
    AbortSignal.timeout(COMPILE_TIMEOUT_MS),
  );
  if (success) return undefined;
  const [report = ""] = decode(stderr).split("\n\nStack backtrace");
  return report.split("\n").at(-1)?.replace(/^\s*(\d+|error):\s*/, "") ||
    `no result within ${COMPILE_TIMEOUT_MS / 1000} s`;
}

async function writeSelfExtracting(
  main: string,
  output: string,
  runtimePath: string,
  commit: string,
): Promise<void> {
  const runtime = await packedRuntime(runtimePath);
  const mainCode = (await Deno.readTextFile(main)).trimEnd();
  const names = await namesOfParts(partsBeside(main));
  const parts = await Promise.all(names.map((name) => Deno.readFile(join(partsBeside(main), name))));
  const code = Buffer.concat(parts);
  const packedCode = gzipSync(code, { level: BEST_COMPRESSION });
  const launcher = await launcherText("self_extracting", commit, {
    CONTENT: sha256(Buffer.from(runtime.sha256 + sha256(code) + names + mainCode)).slice(0, 16),
    MAIN: mainCode,
    // With the final newline.
    MAIN_SIZE: `${Buffer.byteLength(mainCode) + 1}`,
    HASHES: [runtime.sha256, sha256(Buffer.from(`${mainCode}\n`)), sha256(code)].join(" "),
    DENO_SIZE: `${runtime.size}`,
    DENO_PACKED_SIZE: `${runtime.packed.length}`,
    PARTS: names.map((name) => `${PARTS}/${name}`).join(" "),
    PART_SIZES: parts.map(({ length }) => length).join(" "),
    PROGRAM_PACKED_SIZE: `${packedCode.length}`,
  });
  await Deno.writeFile(output, Buffer.concat([Buffer.from(launcher), runtime.packed, packedCode]));
}

/** A directory with the program, its Deno under the program's name, and what starts it: {@link LAUNCHER}. */
async function writeFiles(
  main: string,
  output: string,
  { runtime, library }: Plan,
  commit: string,
): Promise<void> {
  await Deno.mkdir(output);
  await Deno.copyFile(main, join(output, "main.mjs"));
  await Deno.mkdir(join(output, PARTS));
  for (const name of await namesOfParts(partsBeside(main))) {
    await Deno.copyFile(join(partsBeside(main), name), join(output, PARTS, name));
  }
  await Deno.copyFile(runtime, join(output, "vabus-data-handler"));
  const launcher = await launcherText("installed", commit, { LIBRARY: library });
  await Deno.writeTextFile(join(output, LAUNCHER), launcher);
  for (const name of [LAUNCHER, "vabus-data-handler"]) await Deno.chmod(join(output, name), 0o755);
}

function deno(args: string[], cwd: string, signal?: AbortSignal): Promise<Deno.CommandOutput> {
  return new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    ...(signal && { signal }),
  }).output();
}

function decode(bytes: Uint8Array): string {
  return stripVTControlCharacters(new TextDecoder().decode(bytes)).trim();
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function parsePlan(args: string[]): Plan {
  const { values } = parseArgs({
    args,
    options: {
      entry: { type: "string", default: join(ROOT, "src/main.ts") },
      output: { type: "string", default: join(ROOT, "dist/vabus-data-handler") },
      form: { type: "string", default: "auto" },
      target: { type: "string" },
      runtime: { type: "string", default: Deno.execPath() },
      library: { type: "string", default: "/usr/lib/vabus-data-handler" },
    },
  });
  const { entry, output, target, runtime, library } = values;
  const form = FORMS.find((known) => known === values.form);
  if (form === undefined) {
    throw new BuildError(
      `--form is ${FORMS.slice(0, -1).join(", ")} or ${FORMS.at(-1)}, not "${values.form}".`,
    );
  }
  if (target !== undefined && form !== "compiled") throw new BuildError("--target needs --form compiled.");
  return { entry, output, form, target, runtime, library };
}

try {
  console.log(await build(parsePlan(Deno.args)));
} catch (error) {
  const isForPerson = error instanceof BuildError || error instanceof SourceTimeError ||
    error instanceof TypeError;
  if (!isForPerson) throw error;
  console.error(error.message);
  Deno.exit(1);
}
