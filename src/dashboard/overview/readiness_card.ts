import type { VNode } from "preact";
import { RunbookText } from "../alarms/runbook_text.ts";
import { html } from "../html.ts";
import { Mark } from "../mark.ts";
import type { Readiness } from "../readiness.ts";
import { ADVICE } from "./advice.ts";

/** Why the handler is not ready, and what to do about each cause. Nothing where it is ready. */
export function ReadinessCard({ readiness }: { readonly readiness: Readiness }): VNode | null {
  const { causes } = readiness;
  if (causes.length === 0) return null;
  return html`
    <section class="card causes" aria-label="Why the handler is not ready">
      <ul>
        ${causes.map(({ name, detail }) => {
          const known = ADVICE[name as keyof typeof ADVICE];
          return html`
            <li key=${`${name} ${detail}`}>
              <h2>
                <${Mark} tone="bad">${known?.title ?? name}<//></h2>
              <p class="detail"><${RunbookText} text=${detail} /></p>
              ${known && html`<p><strong>What to do:</strong> ${known.advice}</p>`}
            </li>
          `;
        })}
      </ul>
    </section>
  `;
}
