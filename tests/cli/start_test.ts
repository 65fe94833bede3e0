import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Graph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly isDynamic?: boolean;
      readonly code?: { readonly specifier?: string };
    }[];
  }[];
}

/** The modules that come with one of src/cli: those that are imported, and not by `import()`. */
async function loadedWith(module: string): Promise<ReadonlySet<string>> {
  const entry = new URL(`../../src/cli/${module}`, import.meta.url).href;
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
    stderr: "null",
  }).output();
  assert.ok(success);
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as Graph;
  const imports = new Map(modules.map(({ specifier, dependencies = [] }) => [
    specifier,
    dependencies.flatMap(({ code, isDynamic }) => isDynamic ? [] : code?.specifier ?? []),
  ]));
  const loaded = new Set([entry]);
  for (const specifier of loaded) for (const next of imports.get(specifier) ?? []) loaded.add(next);
  return loaded;
}

Deno.test("a start loads neither the code of a source or sink that is not used nor the API before it is served", async () => {
  const loaded = [...await loadedWith("program.ts")];
  assert.ok(loaded.some((module) => module.endsWith("/src/cli/commands.ts")), loaded.join("\n"));
  const loadedLater =
    /^npm:\/?(kafkajs|postgres|protobufjs|snappyjs)|^node:(https?|tls)$|\/src\/(api\/(endpoints|admin_server|openapi)|codec\/mapping\/record_reader|sources\/\w+\/(create|\w+_source)|sinks\/\w+\/\w+_sink)\.ts$/;
  assert.deepEqual(loaded.filter((module) => loadedLater.test(module)), []);
});

for (const command of ["run", "once"]) {
  Deno.test(`${command} loads neither the API nor the exporter before its settings ask for them`, async () => {
    const loaded = [...await loadedWith(`${command}.ts`)];
    assert.ok(loaded.some((module) => module.endsWith("/src/runtime/handler.ts")), loaded.join("\n"));
    assert.deepEqual(
      loaded.filter((module) => /\/src\/(api|control|platform\/telemetry\/deno_)/.test(module)),
      [],
    );
  });
}

Deno.test("zod is imported as a namespace: by its object z, a bundle gets its texts in fifty languages, too", () => {
  const files = globSync("src/**/*.ts", { cwd: ROOT });
  const bringAll = files.filter((file) => /^import \{ z \}/m.test(readFileSync(join(ROOT, file), "utf8")));
  assert.deepEqual(bringAll, []);
});
