import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { html } from "../html.ts";
import { Mark } from "../mark.ts";
import { countOf } from "../number_format.ts";
import { Question } from "../orders/question.ts";
import type { Reason } from "./dead_letter.ts";
import { isFulfilled, type Settlement, settlementText } from "./settlement.ts";
import type { Settling } from "./settling.ts";

interface SettlementButtonsProps {
  readonly reason: Reason;
  readonly count: number;
  readonly settling: Settling;
}

const CONSEQUENCES: Record<Settlement["action"], string> = {
  retry: "They are taken in again as they came, each counted once. Those that are still wrong come back.",
  purge: "They are thrown away for good, and the books name them as lost. Export them first where somebody " +
    "may ask for them.",
};

/** Ways to settle the dead letters of one reason, and how far the request is. For admins. */
export function SettlementButtons({ count, reason, settling }: SettlementButtonsProps): VNode {
  const [asking, setAsking] = useState<Settlement["action"] | undefined>(undefined);
  const { failure, settlement } = settling.settled.get(reason) ?? {};
  const give = (action: Settlement["action"]) => {
    setAsking(undefined);
    settling.give(action, reason);
  };
  const button = (action: Settlement["action"], label: string) =>
    html`
      <button type="button" class="button ${action === "purge" ? "button-danger" : ""}"
        aria-label=${`${label} ${reason}`} onClick=${() => setAsking(action)}>
        ${label}
      </button>
    `;
  return html`
    <div class="actions">
      ${button("retry", "Retry")} ${button("purge", "Purge")}
      <a class="button" href=${`api/dead-letters/export?reason=${reason}`} aria-label=${`Export ${reason}`}
        download=${`dead-letters-${reason}.ndjson`}>Export</a>
      <span role="status">${settlement && html`<${SettlementMark} settlement=${settlement} />`}</span>
      ${failure !== undefined && html`<p class="failure" role="alert">Not done: ${failure}</p>`}
      ${asking && html`
        <${Question} title=${`${asking === "retry" ? "Retry" : "Purge"} ${countOf(count, "dead letter")}?`}
          verb=${asking === "retry" ? "Retry" : "Purge"} isDanger=${asking === "purge"}
          onYes=${() => give(asking)} onNo=${() => setAsking(undefined)}>
          <p>All that were refused as <strong>${reason}</strong>. ${CONSEQUENCES[asking]}</p>
          <//>
      `}
    </div>
  `;
}

/** How far a request is. */
export function SettlementMark({ settlement }: { readonly settlement: Settlement }): VNode {
  return html`
    <${Mark} tone=${isFulfilled(settlement) ? "good" : "idle"}>${settlementText(settlement)}<//>
  `;
}
