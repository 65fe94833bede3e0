/** Whether the file system says that there is no such name; nor can there be any below what is no directory. */
export function isNotThere(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/** Of the name itself, not of what it leads to; undefined: there is none. */
export function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}

/** Of what a name leads to; undefined: there is nothing. */
export function infoBehind(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}
