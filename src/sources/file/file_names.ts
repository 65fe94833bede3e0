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
 * @throws the file system's error where the first directory cannot be read, or where nothing is found because
 * it may not be looked at.
 */
export async function filesMatching(pattern: string): Promise<FoundFile[]> {
  const paths = await pathsMatching(pattern);
  const found: FoundFile[] = [];
  let denial: unknown;
  for (const path of paths.sort()) {
    try {
      const { isDirectory, dev, ino, size } = await Deno.stat(path);
      if (!isDirectory) found.push({ path, device: dev, inode: ino ?? 0, bytes: size });
    } catch (error) {
      if (isDenial(error)) denial ??= error;
    }
  }
  if (found.length === 0 && denial !== undefined) throw denial;
  return found;
}

function isDenial(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
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
