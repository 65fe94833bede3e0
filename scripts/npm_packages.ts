import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** An npm package of the lock file. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression of its package.json. */
  readonly license: string | undefined;
  /** SHA-512 of the package's archive, in hexadecimal. */
  readonly sha512: string;
  /** `name@version` of what it needs. */
  readonly dependencies: readonly string[];
  /** Whether the program contains it. If not, only the tests use it. */
  readonly isShipped: boolean;
}

interface Info {
  readonly modules: readonly { readonly kind?: string; readonly npmPackage?: string }[];
  readonly npmPackages: Record<
    string,
    { name: string; version: string; dependencies: string[]; localPath: string }
  >;
}

/**
 * The packages of deno.lock, with the licences that they name themselves.
 *
 * @throws when Deno does not tell, or the lock file lacks a package.
 */
export async function npmPackages(): Promise<NpmPackage[]> {
  const info = await infoOf("src/main.ts");
  const page = await infoOf("src/dashboard/main.ts");
  const lock = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.lock`)) as {
    npm: Record<string, { integrity: string }>;
  };
  const modules = [...info.modules, ...page.modules];
  const shipped = closure(modules.flatMap(({ npmPackage }) => npmPackage ?? []), info);
  const packages = Object.entries(info.npmPackages).map(async ([id, found]) => {
    const manifest = JSON.parse(await Deno.readTextFile(`${found.localPath}/package.json`)) as {
      license?: string;
    };
    const { integrity } = lock.npm[id]!;
    return {
      name: found.name,
      version: found.version,
      license: manifest.license,
      sha512: hex(integrity.replace(/^sha512-/, "")),
      dependencies: found.dependencies,
      isShipped: shipped.has(id),
    };
  });
  return (await Promise.all(packages)).sort((a, b) => a.name < b.name ? -1 : 1);
}

/** What Deno knows of a program and its packages. */
async function infoOf(entry: string): Promise<Info> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`deno info failed: ${text.decode(stderr)}`);
  return JSON.parse(text.decode(stdout)) as Info;
}

/** These packages and all of their dependencies. */
function closure(ids: readonly string[], info: Info): Set<string> {
  const found = new Set(ids);
  for (const id of found) for (const needed of info.npmPackages[id]?.dependencies ?? []) found.add(needed);
  return found;
}

function hex(base64: string): string {
  return Array.from(atob(base64), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
