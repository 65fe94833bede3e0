import type { VNode } from "preact";
import { html } from "../html.ts";
import { Moment } from "../moment.ts";
import { countText, valueText } from "../number_format.ts";
import type { SeriesPoint } from "./series_points.ts";

const SHOWN_MAX = 20;

/** The newest windows that late events have corrected. */
export function Corrections({ points }: { readonly points: readonly SeriesPoint[] }): VNode {
  return html`
    <div>
      <h3>Corrected windows</h3>
      <div class="table-frame" tabindex="0" role="region" aria-label="Corrected windows">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Window</th>
              <th scope="col" class="number">Before</th>
              <th scope="col" class="number">Now</th>
              <th scope="col" class="number">Events</th>
              <th scope="col" class="number">Revision</th>
            </tr>
          </thead>
          <tbody>
            ${points.slice(-SHOWN_MAX).toReversed().map((point) =>
              html`
                <tr key=${point.time}>
                  <td>
                    <${Moment} seconds=${point.time} />
                  </td>
                  <td class="number">${textOf(point.before)}</td>
                  <td class="number">${textOf(point.value)}</td>
                  <td class="number">${countText(point.count)}</td>
                  <td class="number">${countText(point.revision)}</td>
                </tr>
              `
            )}
          </tbody>
        </table>
      </div>
    </div>
  `;
}

function textOf(value: number | null | undefined): string {
  if (value === undefined) return "–";
  return value === null ? "no number" : valueText(value);
}
