import { join } from "node:path";
import type { DenoChildren } from "./deno_child.ts";
import type { Mutant } from "./mutant.ts";

/** Which mutants compile. A look at many at once takes little longer than one at a single one. */
export class TypeChecks {
  private readonly passed = new Set<Mutant>();

  /** @param tree Where the sources are that the mutants are of. */
  constructor(private readonly tree: string, private readonly deno: DenoChildren) {}

  /** Whether the mutant is known to compile. */
  has(mutant: Mutant): boolean {
    return this.passed.has(mutant);
  }

  /**
   * Checks mutants as files beside their own. One with a complaint may compile all the same: a class that is
   * there twice is two classes.
   */
  async add(mutants: readonly Mutant[]): Promise<void> {
    let files = new Map(mutants.map((mutant, i) => [mutant.file.replace(/\.ts$/, `.mutant${i}.ts`), mutant]));
    for (const [path, { text }] of files) Deno.writeTextFileSync(join(this.tree, path), text);
    const written = [...files.keys()];
    try {
      while (files.size > 0) {
        const complaints = await this.deno.complaints(["check", "--quiet", ...files.keys()]);
        if (complaints === "") {
          for (const mutant of files.values()) this.passed.add(mutant);
          return;
        }
        const rest = new Map([...files].filter(([path]) => !complaints.includes(`/${path}:`)));
        if (rest.size === files.size) return;
        // A fault of one may hide those of others.
        files = rest;
      }
    } finally {
      for (const path of written) Deno.removeSync(join(this.tree, path));
    }
  }
}
