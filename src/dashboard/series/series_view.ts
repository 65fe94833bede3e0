import type { VNode } from "preact";
import type { SeriesPage } from "../../api/series_endpoint.ts";
import { useAnswer } from "../answer.ts";
import { html } from "../html.ts";
import { useLive } from "../live_feed.ts";
import { changeParameters, linkTo, useViewLocation } from "../location.ts";
import { Empty, FailureNotice } from "../notices.ts";
import { countText } from "../number_format.ts";
import { DroppedNames } from "./dropped_names.ts";
import { HandlerObstacles } from "./handler_obstacles.ts";
import { NearSeries } from "./near_series.ts";
import { SeriesChart } from "./series_chart.ts";
import { SeriesFilter } from "./series_filter.ts";
import { hasStopped } from "./series_marks.ts";
import { SeriesTable } from "./series_table.ts";
import { SeriesTroubles } from "./series_troubles.ts";
import { labelsOf } from "./series_name.ts";

const PAGE = 50;
/** More rows than that nobody reads, and they would make the page slow. */
const LISTED_MAX = 450;

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
      <${HandlerObstacles} />
      ${name !== undefined && html`<${SeriesChart} name=${name} />`}
      <section class="card stack" aria-label="Find series">
        <${SeriesFilter} text=${q} labels=${labels} />
        ${failure && html`<${FailureNotice} failure=${failure} again=${again} />`}
        <p class="hint" role="status">${found && !isWaiting ? foundText(found) : "Looking …"}</p>
        ${found && (q !== "" || found.series.length === 0) &&
          html`<${DroppedNames} dropped=${found.dropped} />`}
        ${found && html`<${SeriesTroubles} troubles=${found.troubles} />`}
        ${found && found.series.length > 0 && html`
          <${SeriesTable} label="Series" series=${found.series} labels=${labels} troubles=${found.troubles} />
        `}
        ${found?.series.length === 0 &&
          html`<${NothingFound} found=${found} text=${q} isFiltered=${q !== "" || filter !== ""} />`}
        ${found?.troubles.every(hasStopped) && html`<${NearSeries} found=${found} labels=${labels} />`}
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

interface NothingFoundProps {
  readonly found: SeriesPage;
  readonly text: string;
  readonly isFiltered: boolean;
}

function NothingFound({ found: { dropped, near, troubles }, isFiltered, text }: NothingFoundProps): VNode {
  const { parameters, path } = useViewLocation();
  // A sink keeps no event from coming in.
  const isHeldUp = useLive().readiness?.causes.some(({ name }) => !name.startsWith("sink_"));
  return isFiltered
    ? html`
      <${Empty} title="No series of these windows is called so.">
        <p>
          ${dropped.length > 0
            ? "Its events come, and a rule drops them: see above."
            : troubles.length > 0
            ? "Its events come, but late, or they are refused: see above."
            : near.length > 0
            ? "Look at the similar names below, or try a shorter part of the name."
            : "Try a shorter part of the name, or take a label away."}
        </p>
        ${isHeldUp && html`
          <p>Its events may not have come in: the handler is not ready, see above.</p>
        `}
        ${text !== "" && html`
          <p>
            A series without events for long is no longer listed.${" "}
            <a href=${linkTo(path, { ...parameters, name: text, labels: "", span: "604800" })}>
              Look for older aggregates of exactly this name</a>
          </p>
        `}
        <//>
    `
    : html`
      <${Empty} title="There are no series yet.">
        <p>The first event makes one. Does the source bring events? The overview shows it.</p>
        <//>
    `;
}
