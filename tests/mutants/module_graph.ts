/** The part of `deno info --json` that tells which module imports which. */
export interface GraphOfModules {
  readonly roots: readonly string[];
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly { readonly code?: { readonly specifier?: string } }[];
  }[];
}

const REGISTRY = /\/src\/(sinks|sources)\/registry\.ts$/;
/** From a connector on: to what it declares and makes. */
const STEPS_FROM_CONNECTOR = 1;

/**
 * How many imports lead to each module that the roots load. What is deep in the connectors of a registry is
 * left out: half of all tests load every connector for the sake of its settings, and run nothing below them.
 */
export function stepsToModules({ roots, modules }: GraphOfModules): Map<string, number> {
  const imports = new Map(modules.map(({ specifier, dependencies = [] }) => [
    specifier,
    dependencies.flatMap(({ code }) => code?.specifier ?? []),
  ]));
  const steps = new Map<string, number>();
  /** How many steps may be gone on from each. */
  const stepsLeft = new Map<string, number>();
  const queue = roots.map((specifier) => ({ specifier, step: 0, left: Infinity }));
  for (const { specifier, step, left } of queue) {
    if (left < 0 || left <= (stepsLeft.get(specifier) ?? -1)) continue;
    stepsLeft.set(specifier, left);
    steps.set(specifier, steps.get(specifier) ?? step);
    const next = REGISTRY.test(specifier) ? Math.min(left, STEPS_FROM_CONNECTOR) : left - 1;
    for (const imported of imports.get(specifier) ?? []) {
      queue.push({ specifier: imported, step: step + 1, left: next });
    }
  }
  return steps;
}
