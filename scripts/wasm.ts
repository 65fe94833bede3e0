/**
 * Compiles `assembly/plain_events.ts` to the module that `src/codec/plain_run.ts` loads. The module is
 * committed, so that nobody needs the compiler; a test compares it with what the compiler makes.
 *
 *   scripts/deno.sh run -A scripts/wasm.ts [--output FILE]
 */
import { fileURLToPath } from "node:url";
import { flagsOf } from "./flags.ts";

const COMPILER = "npm:assemblyscript@0.28.20/asc";
const SOURCE = "assembly/plain_events.ts";
export const MODULE = "src/codec/plain_events.wasm";
/** Of 64 KiB each. The memory never grows, so views of it stay valid. */
const MEMORY_PAGES = "6";
const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** @throws with what the compiler says. */
export async function compileTo(output: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", "--no-lock", "--quiet", COMPILER, SOURCE, "--outFile", output],
      ...["-O3", "--runtime", "stub", "--noAssert"],
      ...["--initialMemory", MEMORY_PAGES, "--maximumMemory", MEMORY_PAGES],
    ],
    cwd: ROOT,
    stdin: "null",
    stdout: "null",
  }).output();
  if (!success) throw new Error(`${SOURCE} cannot be compiled:\n${new TextDecoder().decode(stderr)}`);
}

if (import.meta.main) {
  const values = flagsOf({ output: { type: "string", default: MODULE } });
  await compileTo(values.output);
}
