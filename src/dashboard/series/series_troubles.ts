import type { VNode } from "preact";
import { html } from "../html.ts";
import { linkTo, useViewLocation } from "../location.ts";
import { Mark } from "../mark.ts";
import { Moment } from "../moment.ts";
import { countOf } from "../number_format.ts";
import { delayText, hasStopped } from "./series_marks.ts";
import { labelsParameter, labelsText, type SeriesTrouble } from "./series_name.ts";

const SHOWN_MAX = 10;

/** Series whose events come late or are refused: their aggregates are in older windows, or missing. */
export function SeriesTroubles({ troubles }: { readonly troubles: readonly SeriesTrouble[] }): VNode | null {
  if (troubles.length === 0) return null;
  const shown = troubles.slice(0, SHOWN_MAX);
  return html`
    <section class="troubles" aria-label="Late or refused">
      <h2>Late or refused</h2>
      <ul>
        ${shown.map((trouble) =>
          html`<${Trouble} key=${`${trouble.name} ${labelsParameter(trouble.labels)}`} trouble=${trouble} />`
        )}
      </ul>
      ${troubles.length > SHOWN_MAX && html`
        <p class="hint">The latest ${SHOWN_MAX} of ${countOf(troubles.length, "series", "series")}.</p>
      `}
    </section>
  `;
}

function Trouble({ trouble }: { readonly trouble: SeriesTrouble }): VNode {
  const { path, parameters } = useViewLocation();
  const { labels, last_at, late, name, refused, since, source } = trouble;
  const chart = { ...parameters, name, labels: labelsParameter(labels), func: undefined, tier: undefined };
  const reasons = Object.entries(refused).filter(([, count]) => count > 0);
  const tone = hasStopped(trouble) ? "idle" : reasons.length > 0 ? "bad" : "warn";
  return html`
    <li>
      <p>
        <strong class="series-name">${name}</strong>${" "}
        <span class="hint">${labels && labelsText(labels)}</span>
      </p>
      <p>
        <${Mark} tone=${tone}>
          ${hasStopped(trouble)
            ? html`<span>${delayText(trouble)} until <${Moment} seconds=${last_at} />, none since</span>`
            : `the latest event is ${delayText(trouble)}`}
        <//>${" "}
        ${late > 0 && html`
          <span>${countOf(late, "late event has", "late events have")} corrected older windows
            (<a href=${linkTo(path, { ...chart, span: spanFor(trouble) })}>chart</a>). </span>
        `}
        ${reasons.map(([reason, count]) =>
          html`
            <span key=${reason}>${countOf(count, "event")} refused as ${reason}${" "}
              (<a href=${linkTo("dead-letters", { reason, name })}>dead letters</a>). </span>
          `
        )}
      </p>
      <p class="hint">
        From ${source}, since <${Moment} seconds=${since} />, the last at <${Moment} seconds=${last_at} />
      </p>
    </li>
  `;
}

/** A span of the chart that reaches back to the late windows, seconds. */
function spanFor({ behind_seconds: behind }: SeriesTrouble): string {
  return ["3600", "21600", "86400"].find((span) => behind < 0.9 * Number(span)) ?? "604800";
}
