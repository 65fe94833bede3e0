import assert from "node:assert/strict";
import { stepsToModules } from "./module_graph.ts";

const REGISTRY = "/src/sinks/registry.ts";

function graph(imports: Readonly<Record<string, readonly string[]>>) {
  return {
    roots: [Object.keys(imports)[0]!],
    modules: Object.entries(imports).map(([specifier, imported]) => ({
      specifier,
      dependencies: imported.map((specifier) => ({ code: { specifier } })),
    })),
  };
}

Deno.test("what is deep in a connector is loaded only by those who import it past the registry", () => {
  const connector = {
    [REGISTRY]: ["connector"],
    "connector": ["sink"],
    "sink": ["table"],
    "table": ["text"],
    "text": [],
  };
  assert.deepEqual(Object.fromEntries(stepsToModules(graph({ "settings_test": [REGISTRY], ...connector }))), {
    "settings_test": 0,
    [REGISTRY]: 1,
    "connector": 2,
    "sink": 3,
  });
  const imports = { "sink_test": [REGISTRY, "helper"], "helper": ["sink"], ...connector };
  assert.deepEqual(Object.fromEntries(stepsToModules(graph(imports))), {
    "sink_test": 0,
    [REGISTRY]: 1,
    "helper": 1,
    "connector": 2,
    "sink": 2,
    "table": 3,
    "text": 4,
  });
});
