import type { VNode } from "preact";
import { RunbookText } from "../alarms/runbook_text.ts";
import { html } from "../html.ts";
import { linkTo } from "../location.ts";
import { Mark } from "../mark.ts";
import type { Pipeline } from "../pipeline.ts";
import { NOTE_ADVICE } from "./advice.ts";

/** What is so on purpose or elsewhere, for who misses aggregates. Nothing where there is none. */
export function NotesCard({ notes }: { readonly notes: Pipeline["notes"] }): VNode | null {
  if (notes.length === 0) return null;
  return html`
    <section class="card notes" aria-label="Notes">
      <ul>
        ${notes.map(({ detail, name, series }) => {
          const { advice, title } = NOTE_ADVICE[name];
          return html`
            <li key=${detail}>
              <h2>
                <${Mark} tone="idle">${title}<//></h2>
              <p class="detail"><${RunbookText} text=${detail} /></p>
              <p>
                <strong>What to do:</strong> ${advice}${" "}
                ${series !== null && html`<a href=${linkTo("series", { q: series })}>Show the series</a>`}
              </p>
            </li>
          `;
        })}
      </ul>
    </section>
  `;
}
