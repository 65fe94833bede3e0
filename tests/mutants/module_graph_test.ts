import assert from "node:assert/strict";
import { modulesWithin } from "./module_graph.ts";

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
  assert.deepEqual(modulesWithin(graph({ "settings_test": [REGISTRY], ...connector })), [
    "settings_test",
    REGISTRY,
    "connector",
    "sink",
  ]);
  assert.deepEqual(
    modulesWithin(graph({ "sink_test": [REGISTRY, "helper"], "helper": ["sink"], ...connector })).sort(),
    [REGISTRY, "connector", "helper", "sink", "sink_test", "table", "text"].sort(),
  );
});
