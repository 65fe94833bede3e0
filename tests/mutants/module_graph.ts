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
 * The modules that the roots load, but for what is deep in the connectors of a registry: half of all tests
 * load every connector for the sake of its settings, and run nothing below them.
 */
export function modulesWithin({ roots, modules }: GraphOfModules): string[] {
  const imports = new Map(modules.map(({ specifier, dependencies = [] }) => [
    specifier,
    dependencies.flatMap(({ code }) => code?.specifier ?? []),
  ]));
  /** How many steps may be gone on from each. */
  const stepsLeft = new Map<string, number>();
  const queue = roots.map((specifier) => [specifier, Infinity] as const);
  for (const [specifier, left] of queue) {
    if (left < 0 || left <= (stepsLeft.get(specifier) ?? -1)) continue;
    stepsLeft.set(specifier, left);
    const next = REGISTRY.test(specifier) ? Math.min(left, STEPS_FROM_CONNECTOR) : left - 1;
    for (const imported of imports.get(specifier) ?? []) queue.push([imported, next]);
  }
  return [...stepsLeft.keys()];
}
