import type { VNode } from "preact";
import { html } from "../html.ts";
import { linkTo } from "../location.ts";
import { countOf } from "../number_format.ts";
import { usePage } from "../page_context.ts";
import { mayChange } from "../standing.ts";
import { type DeadLetterGroup, REASONS } from "./dead_letter.ts";
import { DeadLetterDetail } from "./dead_letter_detail.ts";
import { SettlementButtons } from "./settlement_buttons.ts";
import type { Settling } from "./settling.ts";

interface GroupsProps {
  readonly groups: readonly DeadLetterGroup[];
  readonly settling: Settling;
}

interface GroupProps {
  readonly group: DeadLetterGroup;
  readonly settling: Settling;
}

/** The dead letters by reason: what it means, the newest one, and what can be done. */
export function DeadLetterGroups({ groups, settling }: GroupsProps): VNode {
  return html`
    <div class="stack">
      ${groups.map((group) => html`<${Group} key=${group.reason} group=${group} settling=${settling} />`)}
    </div>
  `;
}

function Group({ group: { count, example, reason }, settling }: GroupProps): VNode {
  const { standing } = usePage();
  const { advice, meaning } = REASONS[reason];
  const heading = `group-${reason}`;
  return html`
    <section class="card group" aria-labelledby=${heading}>
      <h2 id=${heading}>${reason}: ${countOf(count, "dead letter")}</h2>
      <p>${meaning}</p>
      <p><strong>What to do:</strong> ${advice}</p>
      <h3>The newest one</h3>
      <${DeadLetterDetail} deadLetter=${example} />
      <div class="actions">
        <a class="button" href=${linkTo("dead-letters", { reason })} aria-label=${`List ${reason}`}>List</a>
        ${mayChange(standing) && html`
          <${SettlementButtons} reason=${reason} count=${count} settling=${settling} />
        `}
      </div>
    </section>
  `;
}
