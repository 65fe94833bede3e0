import type { VNode } from "preact";
import type { Windows } from "../../api/windows_endpoint.ts";
import { html } from "../html.ts";
import { Mark } from "../mark.ts";
import { Moment } from "../moment.ts";
import { countOf, countText } from "../number_format.ts";
import { utcText } from "../time_format.ts";
import { WindowSpan } from "./window_span.ts";

type ClosedWindow = Windows["tiers"][number]["closed"][number];

interface ClosedWindowsProps {
  readonly windows: readonly ClosedWindow[];
  /** What the table is called for who does not see it. */
  readonly label: string;
}

/** Windows that have closed, their corrections, and whether every sink has them. */
export function ClosedWindows({ label, windows }: ClosedWindowsProps): VNode {
  if (windows.length === 0) return html`<p class="hint">No window has closed yet.</p>`;
  return html`
    <div class="table-frame" tabindex="0" role="region" aria-label=${label}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Closed</th>
            <th scope="col">at</th>
            <th scope="col" class="number">Aggregates</th>
            <th scope="col">Corrections</th>
            <th scope="col">Sinks</th>
          </tr>
        </thead>
        <tbody>
          ${windows.map((window) =>
            html`
              <tr key=${window.window_start}>
                <td>
                  <${WindowSpan} start=${window.window_start} end=${window.window_end} />
                </td>
                <td>
                  <${Moment} seconds=${window.closed_at} />
                </td>
                <td class="number">${countText(window.aggregates)}</td>
                <td>${correctionsOf(window)}</td>
                <td>${sinksOf(window)}</td>
              </tr>
            `
          )}
        </tbody>
      </table>
    </div>
  `;
}

function correctionsOf({ corrected_at, corrections }: ClosedWindow): VNode {
  if (corrected_at === null) return html`<span class="hint">none</span>`;
  return html`
    <span title=${`the last at ${utcText(corrected_at)}`}>
      <${Mark} tone="warn">${countOf(corrections, "aggregate")}<//>
    </span>
  `;
}

function sinksOf({ aggregates, corrections, unrouted, waiting_for }: ClosedWindow): VNode {
  const isLost = unrouted === aggregates + corrections;
  return html`
    <ul class="marks">
      ${waiting_for.length > 0
        ? html`
          <li>
            <${Mark} tone="warn">waits for ${waiting_for.join(", ")}<//></li>
        `
        : !isLost && html`
          <li>
            <${Mark} tone="good">delivered<//></li>
        `}
      ${unrouted !== null && unrouted > 0 && html`
        <li>
          <${Mark} tone="bad">${isLost ? "all" : countText(unrouted)} to no sink<//></li>
      `}
    </ul>
  `;
}
