import type { Histogram } from "../runtime/histogram.ts";
import type { LiveOverview } from "../runtime/overview.ts";
import type { Family, LabelValues } from "./prometheus_family.ts";
import type { Format } from "./prometheus_format.ts";

/** Units at the end of a name, before that of a counter. */
const UNIT = /_(seconds|bytes)(?:_total)?$/;

/** The unit of a metric, which OpenMetrics wants to be told; undefined: it has none. */
export function unitOf(name: string): string | undefined {
  return UNIT.exec(name)?.[1];
}

/** The page of metrics in a format of Prometheus. */
export function renderPage(families: readonly Family[], overview: LiveOverview, format: Format): string {
  const lines: string[] = [];
  for (const family of families) writeFamily(lines, family, overview, format);
  if (format === "openmetrics") lines.push("# EOF");
  lines.push("");
  return lines.join("\n");
}

function writeFamily(lines: string[], family: Family, overview: LiveOverview, format: Format): void {
  const { name, help, labels } = family;
  // OpenMetrics names a counter without the end of its samples.
  const title = format === "openmetrics" ? name.replace(/_total$/, "") : name;
  lines.push(`# HELP ${title} ${help}`, `# TYPE ${title} ${family.type}`);
  const unit = unitOf(title);
  if (format === "openmetrics" && unit !== undefined) lines.push(`# UNIT ${title} ${unit}`);
  if (family.type === "histogram") {
    for (const [values, value] of family.read(overview)) writeHistogram(lines, name, labels, values, value);
  } else {
    for (const [values, value] of family.read(overview)) {
      lines.push(`${name}${braced(pairsOf(labels, values))} ${numberText(value)}`);
    }
  }
}

function writeHistogram(
  lines: string[],
  name: string,
  labels: readonly string[],
  values: LabelValues,
  { bounds, counts, sum, count }: Histogram,
): void {
  const pairs = pairsOf(labels, values);
  let below = 0;
  bounds.forEach((bound, i) => {
    below += counts[i]!;
    lines.push(`${name}_bucket${braced([...pairs, `le="${boundText(bound)}"`])} ${below}`);
  });
  lines.push(
    `${name}_bucket${braced([...pairs, 'le="+Inf"'])} ${count}`,
    `${name}_sum${braced(pairs)} ${sum}`,
    `${name}_count${braced(pairs)} ${count}`,
  );
}

function pairsOf(labels: readonly string[], values: LabelValues): string[] {
  return labels.flatMap((label, i) => values[i] === "" ? [] : [`${label}="${escaped(values[i]!)}"`]);
}

function braced(pairs: readonly string[]): string {
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** A bound as OpenMetrics has it, in both formats, so that queries do not depend on the format. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : `${bound}`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return `${value}`;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
