/**
 * Whether the error says that there is no such name. A path below something that is not a directory does not
 * exist either.
 */
export function isNotThere(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/** Information about the name itself, links not followed; undefined: there is no such name. */
export function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}

/** The file that a name leads to, without links; undefined: there is none, or it is hidden from this user. */
export function realPathOf(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (isNotThere(error) || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

/** Information about what a name leads to; undefined: there is nothing. */
export function infoBehind(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}
