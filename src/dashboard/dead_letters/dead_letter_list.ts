import type { VNode } from "preact";
import { html } from "../html.ts";
import { linkTo } from "../location.ts";
import type { DeadLettersPage } from "./dead_letter.ts";
import { DeadLetterDetail } from "./dead_letter_detail.ts";

interface ListProps {
  readonly page: DeadLettersPage;
  readonly reason: string;
  /** Only those of this name; undefined: of all. */
  readonly name: string | undefined;
  /** Whether there are newer ones than these. */
  readonly isLater: boolean;
}

/** Dead letters of one reason, newest first, a page of them. */
export function DeadLetterList({ isLater, name, page: { dead_letters, next }, reason }: ListProps): VNode {
  return html`
    <section class="card stack" aria-labelledby="list-heading">
      <h2 id="list-heading">Refused as ${reason}${name !== undefined && `: ${name}`}, newest first</h2>
      ${dead_letters.length === 0 ? html`<p>There are none.</p>` : html`
        <ul class="stack">
          ${dead_letters.map((deadLetter) =>
            html`
              <li key=${deadLetter.id}>
                <${DeadLetterDetail} deadLetter=${deadLetter} />
              </li>
            `
          )}
        </ul>
      `}
      <nav class="actions" aria-label="Pages">
        <a class="button" href=${linkTo("dead-letters")}>All reasons</a>
        ${name !== undefined &&
          html`<a class="button" href=${linkTo("dead-letters", { reason })}>All names</a>`}
        ${isLater && html`<a class="button" href=${linkTo("dead-letters", { reason, name })}>Newest</a>`}
        ${next !== null && html`
          <a class="button" href=${linkTo("dead-letters", { reason, name, before: next })}>Older</a>
        `}
      </nav>
    </section>
  `;
}
