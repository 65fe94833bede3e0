/**
 * The lines that ran at least once, by the path of their file.
 *
 * @param lcov What `deno coverage --lcov` prints.
 */
export function linesRun(lcov: string): Map<string, Set<number>> {
  const files = new Map<string, Set<number>>();
  let lines = new Set<number>();
  for (const record of lcov.split("\n")) {
    const [name, value = ""] = record.split(/:(.*)/);
    if (name === "SF") files.set(value, lines = new Set());
    if (name !== "DA") continue;
    const [line, times] = value.split(",").map(Number);
    if (times! > 0) lines.add(line!);
  }
  return files;
}
