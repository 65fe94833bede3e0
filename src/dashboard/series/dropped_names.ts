import type { VNode } from "preact";
import type { SeriesPage } from "../../api/series_endpoint.ts";
import { html } from "../html.ts";
import { Mark } from "../mark.ts";

/** Names of which a rule drops the events. Nothing where there is none. */
export function DroppedNames({ dropped }: { readonly dropped: SeriesPage["dropped"] }): VNode | null {
  if (dropped.length === 0) return null;
  return html`
    <section class="troubles" aria-label="Dropped by a rule">
      <h2>Dropped by a rule</h2>
      <ul>
        ${dropped.map(({ name, rule }) =>
          html`
            <li key=${name}>
              <strong class="series-name">${name}</strong>${" "}
              <${Mark} tone="bad">the rule <code>${rule}</code> of AGG_FUNCTIONS drops its events<//>
            </li>
          `
        )}
      </ul>
    </section>
  `;
}
