import type { Family } from "../src/api/prometheus_family.ts";

/** Every metric as a row of a Markdown table, for docs/metrics.md. */
export function renderMetrics(families: readonly Family[]): string {
  const rows = families.map(({ help, labels, name, type }) =>
    `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${plain(help)} |`
  );
  return ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |", ...rows, ""].join("\n");
}

/** Names of settings become code. */
function plain(text: string): string {
  return text.replace(/\b[A-Z]+(?:_[A-Z]+)+\b/g, "`$&`");
}
