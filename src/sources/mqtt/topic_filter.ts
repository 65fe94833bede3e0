const FILTER_MAX_BYTES = 65_535;
const SHARED = /^\$share\/([^/+#]+)\/(.+)$/s;
const ENCODER = new TextEncoder();

/** What is wrong with a topic filter, as the rest of a sentence; undefined: nothing. */
export function filterProblem(filter: string): string | undefined {
  if (filter === "") return "is empty";
  if (filter.includes("\0")) return "has a NUL character";
  if (ENCODER.encode(filter).length > FILTER_MAX_BYTES) return `has more than ${FILTER_MAX_BYTES} bytes`;
  if (filter.startsWith("$share/") && !SHARED.test(filter)) return "is not of the form $share/group/filter";
  const levels = plainFilter(filter).split("/");
  if (levels.some((level) => level.includes("+") && level !== "+")) return "has a + beside other characters";
  const wild = levels.findIndex((level) => level.includes("#"));
  if (wild >= 0 && (wild < levels.length - 1 || levels[wild] !== "#")) {
    return "has a # that is not its whole last level";
  }
  return undefined;
}

/** The filter of a shared subscription, without its group; any other filter as it is. */
export function plainFilter(filter: string): string {
  return SHARED.exec(filter)?.[2] ?? filter;
}

/** Whether there is a topic that both filters match. A topic is a filter that matches itself. */
export function meet(one: string, other: string): boolean {
  const [a, b] = [one, other].map((filter) => plainFilter(filter).split("/")) as [string[], string[]];
  // Wildcards do not match the topics of the broker itself.
  if (a[0]!.startsWith("$") !== b[0]!.startsWith("$")) return false;
  for (let i = 0;; i++) {
    const [left, right] = [a[i], b[i]];
    if (left === "#" || right === "#") return true;
    if (left === undefined || right === undefined) return left === right;
    if (left !== right && left !== "+" && right !== "+") return false;
  }
}
