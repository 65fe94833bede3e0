/** Which sources are changed, and which tests must notice it. */
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";

/** The folders of src/ that decide which rows there are, and what is in them. */
export const SUBJECTS = ["aggregation", "codec", "delivery", "event", "ingest", "sinks", "sources", "state"];
export const SIMULATION = "tests/sim/run.ts";

/** @throws when a folder is no more. */
export function sourceFiles(root: string): string[] {
  return SUBJECTS.flatMap((subject) => {
    const files = globSync(`src/${subject}/**/*.ts`, { cwd: root }).sort();
    if (files.length === 0) {
      throw new Error(`There is no src/${subject}: mend SUBJECTS in tests/mutants/scope.ts.`);
    }
    return files;
  });
}

/**
 * The fast tests are those whose folder mirrors one of src/, and the simulation: none of them drives the
 * built program. Those of the dashboard are not among them: no subject is below it, and some drive a browser.
 */
export function fastTests(root: string): string[] {
  const tests = globSync("tests/**/*_test.ts", { cwd: root }).sort()
    .filter((test) => !test.startsWith("tests/dashboard/"))
    .filter((test) => existsSync(join(root, "src", test.split("/")[1]!)));
  return existsSync(join(root, SIMULATION)) ? [...tests, SIMULATION] : tests;
}
