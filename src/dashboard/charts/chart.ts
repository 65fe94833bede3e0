import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.ts";
import { Moment } from "../moment.ts";
import { ChartTable } from "./chart_table.ts";
import { type ChartLine, colourOf, dashesOf } from "./chart_line.ts";
import { Plot, type PlotContent } from "./plot.ts";
import { withGaps } from "./time_grid.ts";

interface ChartProps {
  readonly title: string;
  /** The level of the title among the headings. */
  readonly heading: "h2" | "h3";
  /** What the lines are, in a sentence; left out: the title says it. */
  readonly hint?: string;
  /** Unix seconds, ascending. */
  readonly times: readonly number[];
  /** What two times are apart. */
  readonly stepSeconds: number;
  readonly lines: readonly ChartLine[];
  readonly from: number;
  readonly to: number;
  readonly format: (value: number) => string;
}

/** Lines over time, with the values under the pointer and, for who does not see them, as a table. */
export function Chart(
  { format, from, heading, hint, lines, stepSeconds, times, title, to }: ChartProps,
): VNode {
  const [pointed, setPointed] = useState<number | undefined>(undefined);
  const table = withGaps({ times, columns: lines.map(({ values }) => values) }, stepSeconds);
  const marks = withGaps(
    { times, columns: lines.map(({ marked }) => times.map((_, i) => marked?.[i] ? 1 : 0)) },
    stepSeconds,
  );
  const own = lines.map((line, i): ChartLine => ({
    ...line,
    marked: marks.columns[i]!.map((mark) => mark === 1),
  }));
  const shown = table.times.length - 1 < (pointed ?? Infinity)
    ? lastRow(table.times, table.columns)
    : pointed!;
  return html`
    <figure class="chart">
      <figcaption class="chart-title">
        <${heading}>${title}<//>
        ${hint && html`<p class="hint">${hint}</p>`}
      </figcaption>
      <ul class="legend" aria-label="Lines">
        ${lines.map(({ name }, i) =>
          html`
            <li key=${name}>
              <${Swatch} index=${i} />
              <span class="legend-name">${name}</span>
              <span class="legend-value">${valueAt(table.columns[i]![shown], format)}</span>
            </li>
          `
        )}
        ${table.times[shown] !== undefined && html`
          <li class="hint">at <${Moment} seconds=${table.times[shown]} /></li>
        `}
      </ul>
      <${PlotBox} table=${table} lines=${own} from=${from} to=${to} format=${format} onPointed=${setPointed} />
      <${ChartTable} title=${title} times=${times} lines=${lines} format=${format} />
    </figure>
  `;
}

function PlotBox(content: PlotContent): VNode {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const scheme = useScheme();
  const latest = useRef(content);
  latest.current = content;
  useEffect(() => {
    plot.current = new Plot(box.current!, latest.current);
    return () => plot.current?.remove();
  }, [scheme, JSON.stringify(content.lines.map(({ name }) => name))]);
  useEffect(() => plot.current?.show(content), [content.table.times.join(), content.from, content.to]);
  return html`<div class="chart-box" ref=${box} aria-hidden="true" />`;
}

/** A number that changes with the colours of the system: a canvas does not follow them by itself. */
function useScheme(): number {
  const [scheme, setScheme] = useState(0);
  useEffect(() => {
    const queries = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((query) =>
      matchMedia(query)
    );
    const follow = () => setScheme((count) => count + 1);
    for (const query of queries) query.addEventListener("change", follow);
    return () => queries.forEach((query) => query.removeEventListener("change", follow));
  }, []);
  return scheme;
}

function Swatch({ index }: { readonly index: number }): VNode {
  return html`
    <svg class="swatch swatch${colourOf(index)}" viewBox="0 0 28 8" aria-hidden="true">
      <path d="M0 4h28" stroke-dasharray=${dashesOf(index).join(" ")} />
    </svg>
  `;
}

/** The last row in which something is known. */
function lastRow(times: readonly number[], columns: readonly (readonly (number | null)[])[]): number {
  for (let row = times.length - 1; row > 0; row--) {
    if (columns.some((column) => column[row] !== null)) return row;
  }
  return 0;
}

function valueAt(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? "–" : format(value);
}
