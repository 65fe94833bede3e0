import type { VNode } from "preact";
import { html } from "../html.ts";
import { linkTo } from "../location.ts";
import { Mark } from "../mark.ts";
import { countText } from "../number_format.ts";
import type { Status } from "../status.ts";

type EventBooks = Status["accounting"];

/** What may become of an event, in the order of the books, and which of it is a dead letter. */
const FATES: readonly (readonly [fate: keyof EventBooks, words: string, isDeadLetter: boolean])[] = [
  ["aggregated", "aggregated", false],
  ["duplicate", "duplicates", false],
  ["invalid", "invalid", true],
  ["future", "from the future", true],
  ["late", "late", true],
  ["overflow", "beyond MAX_SERIES", true],
  ["dropped", "dropped by AGG_FUNCTIONS", false],
];

/** The books as of the last checkpoint: what was received, and what became of it. */
export function Equation({ status: { accounting: books } }: { readonly status: Status }): VNode {
  const sum = FATES.reduce((all, [fate]) => all + books[fate], 0);
  const isEqual = sum === books.received;
  return html`
    <section class="card" aria-labelledby="equation-heading">
      <h2 id="equation-heading">Received, and what became of it</h2>
      <dl class="equation">
        <div><dt>received</dt><dd>${countText(books.received)}</dd></div>
        ${FATES.map(([fate, words, isDeadLetter], i) =>
          html`
            <div key=${fate}>
              <dt>${i === 0 ? "= " : "+ "}${isDeadLetter && books[fate] > 0
                ? html`<a href=${linkTo("dead-letters", { reason: fate })}>${words}</a>`
                : words}</dt>
              <dd>${countText(books[fate])}</dd>
            </div>
          `
        )}
      </dl>
      ${books.unrouted > 0 && html`
        <p>
          <${Mark} tone="warn">${countText(books.unrouted)} routed to no sink<//>
          <span class="hint">a route of ROUTES leads to none</span></p>
      `}
      <p class="actions">
        <${Mark} tone=${isEqual ? "good" : "bad"}>${isEqual ? "The sum is right" : "The sum is wrong"}<//>
        <span class="hint">as of the last checkpoint; the proof compares it with what the sinks hold</span>
      </p>
    </section>
  `;
}
