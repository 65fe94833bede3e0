import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { html } from "../html.ts";
import { Moment } from "../moment.ts";
import { countOf } from "../number_format.ts";
import type { ChartLine } from "./chart_line.ts";

/** More rows than that nobody reads, and they would make the page slow. */
const ROWS_MAX = 400;

interface ChartTableProps {
  readonly title: string;
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
}

/** The values of a chart as a table, newest first, for who opens it. */
export function ChartTable({ format, lines, times, title }: ChartTableProps): VNode {
  const [isOpen, setIsOpen] = useState(false);
  const rows = isOpen ? [...times.keys()].reverse().slice(0, ROWS_MAX) : [];
  const textOf = (line: ChartLine, row: number) => {
    const value = line.values[row];
    if (value === null || value === undefined) return "–";
    return line.marked?.[row] ? `${format(value)} (corrected)` : format(value);
  };
  return html`
    <details
      class="chart-table"
      onToggle=${(event: Event) => setIsOpen((event.currentTarget as HTMLDetailsElement).open)}
    >
      <summary>As a table <span class="hidden">(${title})</span></summary>
      ${isOpen && html`
        <div class="table-frame chart-rows" tabindex="0" role="region" aria-label=${`${title}, as a table`}>
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Time</th>
                ${lines.map(({ name }) => html`<th scope="col" class="number" key=${name}>${name}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${rows.map((row) =>
                html`
                  <tr key=${times[row]}>
                    <td><${Moment} seconds=${times[row]} /></td>
                    ${lines.map((line) =>
                      html`<td class="number" key=${line.name}>${textOf(line, row)}</td>`
                    )}
                  </tr>
                `
              )}
            </tbody>
          </table>
          ${times.length > ROWS_MAX && html`
            <p class="hint">The newest ${countOf(ROWS_MAX, "row")} of ${countOf(times.length, "row")}.</p>
          `}
        </div>
      `}
    </details>
  `;
}
