/** What test files load, by their import statements. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const IMPORT = /(?:\bfrom|\bimport)\s*\(?"(\.[^"]+)"/g;

export class TestImports {
  private readonly imports = new Map<string, readonly string[]>();

  /** @param root Of the repository. */
  constructor(private readonly root: string) {}

  /**
   * Whether a file is one of the targets, or imports one, itself or by others.
   * Paths are relative to the root.
   */
  reach(file: string, targets: readonly string[]): boolean {
    const seen = new Set([file]);
    for (const each of seen) {
      if (targets.includes(each)) return true;
      for (const imported of this.importsOf(each)) seen.add(imported);
    }
    return false;
  }

  private importsOf(file: string): readonly string[] {
    let found = this.imports.get(file);
    if (found === undefined) {
      const path = join(this.root, file);
      const text = existsSync(path) ? readFileSync(path, "utf8") : "";
      found = [...text.matchAll(IMPORT)].map(([, to]) => join(dirname(file), to!));
      this.imports.set(file, found);
    }
    return found;
  }
}
