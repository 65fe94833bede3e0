import type { VNode } from "preact";
import { html } from "../html.ts";
import { linkTo, useViewLocation } from "../location.ts";
import { Moment } from "../moment.ts";
import { valueText } from "../number_format.ts";
import { durationText } from "../time_format.ts";
import { SeriesMarks } from "./series_marks.ts";
import {
  type Labels,
  labelsParameter,
  type ListedSeries,
  type SeriesTrouble,
  troubleOf,
} from "./series_name.ts";

interface SeriesTableProps {
  readonly series: readonly ListedSeries[];
  readonly troubles: readonly SeriesTrouble[];
  /** What the table is called for who does not see it. */
  readonly label: string;
  /** The labels by which they are filtered. */
  readonly labels: Labels;
}

/** Series with their newest values. A name leads to the chart, a label filters by it. */
export function SeriesTable({ label, labels, series, troubles }: SeriesTableProps): VNode {
  return html`
    <div class="table-frame" tabindex="0" role="region" aria-label=${label}>
      <table class="table series-table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Labels</th>
            <th scope="col">Function</th>
            <th scope="col">Newest</th>
          </tr>
        </thead>
        <tbody>
          ${series.map((one) =>
            html`
              <${SeriesRow}
                key=${keyOf(one)}
                series=${one}
                labels=${labels}
                trouble=${troubleOf(one, troubles)}
              />
            `
          )}
        </tbody>
      </table>
    </div>
  `;
}

interface SeriesRowProps {
  readonly series: ListedSeries;
  readonly labels: Labels;
  readonly trouble: SeriesTrouble | undefined;
}

function SeriesRow({ labels, series, trouble }: SeriesRowProps): VNode {
  const { path, parameters } = useViewLocation();
  const { agg_func: func, name, tiers } = series;
  const own = Object.entries(series.labels ?? {});
  const chart = { ...parameters, name, labels: labelsParameter(series.labels), func, tier: undefined };
  const narrowed = (key: string, value: string) => ({
    ...parameters,
    filter: labelsParameter({ ...labels, [key]: value }),
  });
  return html`
    <tr>
      <th scope="row" class="series-name">
        <a href=${linkTo(path, chart)}>${name}</a>
        <${SeriesMarks} series=${series} trouble=${trouble} />
      </th>
      <td>
        ${own.length === 0 ? html`<span class="hint">none</span>` : html`
          <ul class="labels">
            ${own.map(([key, value]) =>
              html`
                <li key=${key}>
                  <a class="label" href=${linkTo(
                    path,
                    narrowed(key, value),
                  )} title="Only series with this label">
                    ${key}=${value}
                  </a>
                </li>
              `
            )}
          </ul>
        `}
      </td>
      <td>${func}</td>
      <td>
        <ul class="newest">
          ${tiers.map(({ newest, window_seconds: seconds }) =>
            html`
              <li key=${seconds}>
                <span class="hint">${durationText(seconds)}:</span>${" "}
                ${newest === null ? html`<span class="hint">not closed yet</span>` : html`
                  <span>
                    <strong>${newest.value === null ? "no number" : valueText(newest.value)}</strong>
                    <span class="hint"> at <${Moment} seconds=${newest.window_start} /></span>
                  </span>
                `}
              </li>
            `
          )}
        </ul>
      </td>
    </tr>
  `;
}

function keyOf({ agg_func, labels, name }: ListedSeries): string {
  return JSON.stringify([name, labelsParameter(labels), agg_func]);
}
