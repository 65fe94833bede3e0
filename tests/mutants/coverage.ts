/**
 * The lines that never ran, by the path of each file that was loaded. Lines of which nothing is known, such as those within a text,
 * are not among them.
 *
 * @param lcov What `deno coverage --lcov` prints.
 */
export function linesNotRun(lcov: string): Map<string, Set<number>> {
  const files = new Map<string, Set<number>>();
  let lines = new Set<number>();
  for (const record of lcov.split("\n")) {
    const [name, value = ""] = record.split(/:(.*)/);
    if (name === "SF") files.set(value, lines = new Set());
    if (name !== "DA") continue;
    const [line, times] = value.split(",").map(Number);
    if (times === 0) lines.add(line!);
  }
  return files;
}
