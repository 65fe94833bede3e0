/** What all kinds of packages are built of, and by. */
import { fileURLToPath } from "node:url";
import { HOMEPAGE, MAINTAINER, SUMMARY } from "./project.ts";
import { currentTimeMs } from "./source_version.ts";

/** Names of processors, as the files of a release have them. */
export const ARCHITECTURES = ["x64", "arm64"] as const;
export type Architecture = typeof ARCHITECTURES[number];

export const ARCHITECTURE_HERE: Architecture = Deno.build.arch === "aarch64" ? "arm64" : "x64";

export interface PackagePlan {
  /** Directory of the package. */
  readonly output: string;
  /** Of the program, and behind a hyphen how often it was packaged: `1.2.3-1`. */
  readonly version: string;
  readonly architecture: Architecture;
  /** The Deno that it brings, which is one for that architecture. */
  readonly runtime: string;
  /** It compresses little, for tests. */
  readonly isQuick: boolean;
}

/** The time of the sources, which is that of the package: the same sources make the same bytes. */
export async function packageTime(): Promise<Date> {
  return new Date(await currentTimeMs() ?? Date.now());
}

/**
 * A file of `deploy/` with what the project says of itself, and `values`, in the place of `@NAMES@`.
 *
 * @throws where a name has no value.
 */
export async function filledTemplate(
  path: string,
  values: Readonly<Record<string, string>> = {},
): Promise<string> {
  const all: Record<string, string> = { MAINTAINER, HOMEPAGE, SUMMARY, ...values };
  const text = await Deno.readTextFile(fileURLToPath(new URL(`../deploy/${path}`, import.meta.url)));
  return text.replace(/@([A-Z][A-Z0-9_]*)@/g, (_, name: string) => {
    const value = all[name];
    if (value === undefined) throw new Error(`deploy/${path} wants ${name}, which nothing says.`);
    return value;
  });
}

/**
 * Runs the program that makes a package.
 *
 * @throws where it fails, with its words.
 */
export async function runBuilder(program: string, args: readonly string[], time: Date): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: { SOURCE_DATE_EPOCH: `${time.getTime() / 1000}` },
    stdin: "null",
  }).output();
  if (success) return;
  const said = [stderr, stdout].map((bytes) => new TextDecoder().decode(bytes)).join("");
  throw new Error(`${program} failed:\n${said}`);
}
