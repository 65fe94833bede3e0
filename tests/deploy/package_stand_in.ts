/** A package with a script in the place of Deno's hundred megabytes, for tests of what is in it. */
import { join } from "node:path";
import type { PackagePlan } from "../../scripts/package_plan.ts";
import { assertSameBytes } from "../support/same_bytes.ts";

/** It says how it was started: its own path, the directory of Deno's cache, and its arguments. */
const RUNTIME = '#!/bin/sh\nprintf "%s\\n" "$0" "$DENO_DIR" "$@"\n';

export type Builder = (plan: PackagePlan) => Promise<string>;

/**
 * Builds the same package twice, below `directory`, which must have the same bytes.
 *
 * @returns its path, and what it was built by; `plan.output` is a directory of its own.
 */
export async function buildTwice(
  build: Builder,
  directory: string,
): Promise<{ path: string; plan: PackagePlan }> {
  const runtime = join(directory, "runtime");
  await Deno.writeTextFile(runtime, RUNTIME);
  const planIn = (name: string): PackagePlan => ({
    output: join(directory, name),
    version: "1.2.3-1",
    architecture: "x64",
    runtime,
    isQuick: true,
  });
  const plan = planIn("first");
  const [path, again] = await Promise.all([build(plan), build(planIn("second"))]);
  assertSameBytes(await Deno.readFile(again), await Deno.readFile(path), "the package that was built again");
  return { path, plan };
}
