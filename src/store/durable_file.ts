/** Whether there is a file of this name, of whatever content. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (isNotThere(error)) return false;
    throw error;
  }
}

/** Whether the file system says that there is no such name; nor can there be any below what is no directory. */
export function isNotThere(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/** Makes a file's content, or a directory's names, survive the loss of power. */
export function sync(path: string): void {
  using file = Deno.openSync(path);
  file.syncSync();
}
