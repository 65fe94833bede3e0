import type { VNode } from "preact";
import type { SeriesPage } from "../../api/series_endpoint.ts";
import { html } from "../html.ts";
import { Moment } from "../moment.ts";
import { SeriesTable } from "./series_table.ts";

interface NearSeriesProps {
  readonly found: SeriesPage;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * What may be meant, or be the new name, where nothing that is looked for goes on. Of a series that is not
 * found at all nobody knows when it stopped, so no other one is called its new name.
 */
export function NearSeries({ found, labels }: NearSeriesProps): VNode | null {
  const { near, near_left_off: leftOff, series, tiers } = found;
  if (near.length === 0) return null;
  const title = series.length > 0 ? "Perhaps renamed" : "Similar names";
  const since = Math.min(...tiers.flatMap(({ since }) => since ?? []));
  return html`
    <div>
      <h2>${title}</h2>
      <p class="hint">
        ${series.length > 0
          ? "A producer may have renamed it. These began when it stopped, and have the same labels or a " +
            "similar name; the likeliest are first."
          : html`
            One of these may be meant. What you look for is in no window${since < Infinity && html`
              ${" "}since${" "}<${Moment} seconds=${since} />
            `}, so it is not known whether one of them is its new name.
          `}
        ${leftOff > 0 && ` ${leftOff} more are left off.`}
      </p>
      <${SeriesTable} label=${title} series=${near} labels=${labels} troubles=${[]} />
    </div>
  `;
}
