import { basename, dirname } from "node:path";
import type { FileKey } from "./file_key.ts";

/** A file that a pattern matches. */
export interface FoundFile extends FileKey {
  readonly path: string;
  /** On disk. */
  readonly bytes: number;
}

const HOLE = /[*[]/;

/** Whether a path is a pattern. */
export function isPattern(path: string): boolean {
  return HOLE.test(path);
}

/**
 * The files that a path with `*` and `[…]` matches, in the order of their names. Directories, and what
 * has gone in the meantime, are left out.
 *
 * @throws the file system's error where the first directory cannot be read.
 */
export async function filesMatching(pattern: string): Promise<FoundFile[]> {
  const paths = await pathsMatching(pattern);
  const found: FoundFile[] = [];
  for (const path of paths.sort()) {
    const info = await Deno.stat(path).catch(() => undefined);
    if (info === undefined || info.isDirectory) continue;
    found.push({ path, device: info.dev, inode: info.ino ?? 0, bytes: info.size });
  }
  return found;
}

async function pathsMatching(pattern: string): Promise<string[]> {
  if (!isPattern(pattern)) return [pattern];
  const [parent, name] = [dirname(pattern), basename(pattern)];
  const directories = await pathsMatching(parent);
  if (!isPattern(name)) return directories.map((directory) => join(directory, name));
  const matcher = matcherOf(name);
  const paths: string[] = [];
  for (const directory of directories) {
    try {
      for await (const entry of Deno.readDir(directory)) {
        // As in a shell, hidden files are named.
        const isHidden = entry.name.startsWith(".") && !name.startsWith(".");
        if (!isHidden && matcher.test(entry.name)) paths.push(join(directory, entry.name));
      }
    } catch (error) {
      // Of a pattern of directories, what is none of them is no match.
      if (!isPattern(parent)) throw error;
    }
  }
  return paths;
}

function join(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

function matcherOf(name: string): RegExp {
  const text = name.replaceAll(
    /\[(!?)([^\]]+)\]|\*|[.+?^${}()|\\\][]/g,
    (part, not: string, set: string) =>
      set !== undefined
        ? `[${not === "!" ? "^" : ""}${set.replaceAll(/[\\^[]/g, "\\$&")}]`
        : part === "*"
        ? "[^/]*"
        : `\\${part}`,
  );
  return new RegExp(`^${text}$`, "s");
}
