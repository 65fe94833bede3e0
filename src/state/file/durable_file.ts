import { isNotThere } from "../../platform/file/absence.ts";

/** Whether there is a file of this name. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (isNotThere(error)) return false;
    throw error;
  }
}

/** Makes a file's content, or a directory's names, survive a loss of power. */
export function sync(path: string): void {
  using file = Deno.openSync(path);
  file.syncSync();
}

/** Bytes of a file; 0 where there is none. */
export function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
