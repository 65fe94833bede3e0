/** What `deno coverage --lcov` tells of one file. */
class FileCoverage {
  private readonly timesOfLine = new Map<number, number>();
  private readonly branched = new Set<number>();

  line(line: number, times: number): void {
    this.timesOfLine.set(line, times);
  }

  branch(line: number, times: number): void {
    if (times > 0) this.branched.add(line);
  }

  /**
   * The lines of which nothing ran. A line has no count within a text, and none above zero where any part of
   * it did not run: then its branches tell, and the line before it.
   */
  notRun(): Set<number> {
    const lines = [...this.timesOfLine];
    return new Set(
      lines.filter(([line, times], i) =>
        times === 0 && !this.branched.has(line) && (lines[i - 1]?.[1] ?? 0) === 0
      ).map(([line]) => line),
    );
  }
}

/** The lines that surely never ran, by the path of each file that was loaded. */
export function linesNotRun(lcov: string): Map<string, Set<number>> {
  const files = new Map<string, FileCoverage>();
  let file = new FileCoverage();
  for (const record of lcov.split("\n")) {
    const [name, value = ""] = record.split(/:(.*)/);
    const numbers = value.split(",").map(Number);
    if (name === "SF") files.set(value, file = new FileCoverage());
    if (name === "DA") file.line(numbers[0]!, numbers[1]!);
    if (name === "BRDA") file.branch(numbers[0]!, numbers[3]!);
  }
  return new Map([...files].map(([path, coverage]) => [path, coverage.notRun()]));
}
