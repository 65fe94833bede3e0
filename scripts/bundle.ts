/** Bundles the program: into the file `main.mjs`, and a directory with the parts that it loads. */
import { globSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { packedPage } from "./page.ts";
import { inAscii } from "./plain_ascii.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** What an entry loads by `import()`, relative to it. */
const LOADED_LATER = "./cli/program.ts";
/** The directory beside `main.mjs` with the parts of what it loads, and the part that it loads first. */
export const PARTS = "program";
const FIRST_PART = `./${PARTS}/program.js`;

/** Runs Deno in a directory. Returns its output. */
type RunDeno = (directory: string, args: string[]) => Promise<Uint8Array>;

export interface BundleOptions {
  readonly entry: string;
  /** Where `main.mjs` goes; its directory is for the build alone. */
  readonly main: string;
  /** JavaScript that stands before all else. */
  readonly facts: string;
  readonly deno: RunDeno;
}

/**
 * Bundles the entry into `main`, and what it loads later, {@link LOADED_LATER}, into the directory
 * {@link PARTS} beside it. The first is small and loads at once, and listens for signals while the rest
 * loads. The rest is in parts, so that a start reads, compiles and runs only what its command uses. The
 * dashboard's page is in the part that serves it.
 */
export async function bundle({ entry, main, facts, deno }: BundleOptions): Promise<void> {
  const options = ["bundle", "--platform=deno", "--quiet"];
  await deno(ROOT, [...options, `--external=${LOADED_LATER}`, `--output=${main}`, entry]);
  await Deno.writeTextFile(main, facts + (await Deno.readTextFile(main)).replace(LOADED_LATER, FIRST_PART));
  const tree = join(dirname(main), "tree");
  const from = dirname(resolve(entry));
  // Sources that are elsewhere have what they use beside them, as these have.
  const base = `${from}/`.startsWith(ROOT) ? ROOT : dirname(from);
  await copyTree(base, relative(base, from), tree);
  const program = join(relative(base, from), LOADED_LATER);
  await haveEachPartImport(program, tree, deno);
  const directory = partsBeside(main);
  await deno(tree, [...options, "--code-splitting", `--outdir=${resolve(directory)}`, program]);
  for (const part of await namesOfParts(directory)) {
    const path = join(directory, part);
    // One character beyond ASCII has V8 keep the whole file in two bytes a character, and decode it at each
    // start.
    const text = inAscii(await Deno.readTextFile(path));
    const page = text.includes("__VABUS_PAGE__")
      ? `globalThis.__VABUS_PAGE__ = ${JSON.stringify(await packedPage())};\n`
      : "";
    await Deno.writeTextFile(path, page + text);
  }
}

/** Copies what is bundled. The names in it are the same wherever it is, and so are the files made of it. */
async function copyTree(base: string, directoryOfEntry: string, tree: string): Promise<void> {
  const directories = new Set(["src", "docs", directoryOfEntry]);
  const walked = [...directories].flatMap((name) =>
    globSync(`${name}/**`, { cwd: base, withFileTypes: true })
  );
  for (const file of walked) {
    if (!file.isFile()) continue;
    const path = relative(base, join(file.parentPath, file.name));
    await Deno.mkdir(dirname(join(tree, path)), { recursive: true });
    await Deno.copyFile(join(base, path), join(tree, path));
  }
  for (const name of ["deno.json", "deno.lock"]) await Deno.copyFile(join(ROOT, name), join(tree, name));
}

export function partsBeside(main: string): string {
  return join(dirname(main), PARTS);
}

export async function namesOfParts(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory), ({ name }) => name)).sort();
}

interface Graph {
  readonly modules: readonly {
    readonly dependencies?: readonly {
      readonly isDynamic?: boolean;
      readonly code?: { readonly specifier?: string };
    }[];
  }[];
}

/**
 * The bundler makes a file of the modules that the same set of parts uses, so what the program itself uses
 * would be in dozens of them, and each costs a start a part of a millisecond. So each module that an
 * `import()` names here imports the program, too, which is there by then: to the bundler, each part uses all
 * of the program, which becomes one file.
 */
async function haveEachPartImport(program: string, tree: string, deno: RunDeno): Promise<void> {
  const { modules } = JSON.parse(decode(await deno(tree, ["info", "--json", program]))) as Graph;
  const loaded = new Set(
    modules.flatMap(({ dependencies = [] }) =>
      dependencies.flatMap(({ code, isDynamic }) => isDynamic && code?.specifier || [])
    ),
  );
  for (const specifier of loaded) {
    if (!specifier.startsWith("file:")) continue;
    const path = fileURLToPath(specifier);
    const own = relative(dirname(path), join(tree, program));
    await Deno.writeTextFile(path, `\nimport "./${own}";\n`, { append: true });
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
