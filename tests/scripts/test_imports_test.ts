import assert from "node:assert/strict";
import { TestImports } from "../../scripts/test_imports.ts";

Deno.test("what a file loads is found through others, in each form of an import, and round in a circle", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/deep`);
    const files = {
      "static.ts": `import { a } from "./deep/exporting.ts";`,
      "deep/exporting.ts": `export {\n  a,\n} from "../lazy.ts";`,
      "lazy.ts": `const a = await import("./bare.ts");`,
      "bare.ts": `import "./target.ts";\nimport "./static.ts";`,
      "target.ts": `import fs from "node:fs";`,
      "other.ts": `import { b } from "./missing.ts"; // as "./target.ts"`,
    };
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${root}/${name}`, text);
    const imports = new TestImports(root);
    for (const name of Object.keys(files)) {
      assert.equal(imports.reach(name, ["target.ts"]), name !== "other.ts", name);
    }
    assert.equal(imports.reach("target.ts", ["static.ts", "lazy.ts"]), false);
    assert.equal(imports.reach("static.ts", ["absent.ts", "bare.ts"]), true);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
