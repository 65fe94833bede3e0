import type { VNode } from "preact";
import type { SeriesPage } from "../../api/series_endpoint.ts";
import { useAnswer } from "../answer.ts";
import { html } from "../html.ts";
import { changeParameters, useViewLocation } from "../location.ts";
import { Empty, FailureNotice } from "../notices.ts";
import { countText } from "../number_format.ts";
import { SeriesChart } from "./series_chart.ts";
import { SeriesFilter } from "./series_filter.ts";
import { SeriesTable } from "./series_table.ts";
import { labelsOf } from "./series_name.ts";

const PAGE = 50;
/** The most that the handler lists at once. */
const LISTED_MAX = 1000;

/** Finds series by name and labels, and shows one of them as a chart. */
export function SeriesView(): VNode {
  const { parameters } = useViewLocation();
  const { filter = "", name, q = "", shown } = parameters;
  const labels = labelsOf(filter) ?? {};
  const limit = Math.min(LISTED_MAX, Math.max(PAGE, Number(shown) || PAGE));
  const { again, failure, isWaiting, value: found } = useAnswer<SeriesPage>("series", {
    q,
    labels: filter,
    limit,
  });
  return html`
    <div class="stack">
      ${name !== undefined && html`<${SeriesChart} name=${name} />`}
      <section class="card stack" aria-label="Find series">
        <${SeriesFilter} text=${q} labels=${labels} />
        ${failure && html`<${FailureNotice} failure=${failure} again=${again} />`}
        <p class="hint" role="status">${found && !isWaiting ? foundText(found) : "Looking …"}</p>
        ${found && found.series.length > 0 &&
          html`<${SeriesTable} series=${found.series} labels=${labels} />`}
        ${found?.series.length === 0 && html`<${NothingFound} isFiltered=${q !== "" || filter !== ""} />`}
        ${found?.next && limit < LISTED_MAX && html`
          <button
            type="button"
            class="button"
            onClick=${() => changeParameters({ shown: `${Math.min(LISTED_MAX, limit + 4 * PAGE)}` })}
          >Show more</button>
        `}
        ${found?.next && limit >= LISTED_MAX && html`
          <p class="hint">There are more: narrow them down by name or labels.</p>
        `}
      </section>
    </div>
  `;
}

function foundText({ next, series }: SeriesPage): string {
  if (next !== null) return `The first ${countText(series.length)} series`;
  return `${countText(series.length)} series of the open and the newest closed windows`;
}

function NothingFound({ isFiltered }: { readonly isFiltered: boolean }): VNode {
  return isFiltered
    ? html`
      <${Empty} title="No series is called so.">
        <p>
                Try a shorter part of the name, or take a label away. A producer may have renamed it, and a series
                without events for long is no longer listed.
              </p>
        <//>
    `
    : html`
      <${Empty} title="There are no series yet.">
        <p>The first event makes one. Does the source bring events? The overview shows it.</p>
        <//>
    `;
}
