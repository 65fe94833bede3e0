import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { ApiFailure } from "../api.ts";
import { html } from "../html.ts";
import { Mark } from "../mark.ts";
import { countOf } from "../number_format.ts";
import { Question } from "../orders/question.ts";
import { usePage } from "../page_context.ts";
import { useEvery } from "../every.ts";
import type { Reason } from "./dead_letter.ts";
import { isFulfilled, progressOf, settle, type Settlement, settlementText } from "./settlement.ts";

interface SettlementButtonsProps {
  readonly reason: Reason;
  readonly count: number;
}

const ASK_MS = 1000;

const CONSEQUENCES: Record<Settlement["action"], string> = {
  retry: "They are taken in again as they came, each counted once. Those that are still wrong come back.",
  purge: "They are thrown away for good, and the books name them as lost. Export them first where somebody " +
    "may ask for them.",
};

/** Ways to settle the dead letters of one reason, and how far the request is. For admins. */
export function SettlementButtons({ count, reason }: SettlementButtonsProps): VNode {
  const { api } = usePage();
  const [asking, setAsking] = useState<Settlement["action"] | undefined>(undefined);
  const [settlement, setSettlement] = useState<Settlement | undefined>(undefined);
  const [failure, setFailure] = useState("");
  const isRunning = settlement !== undefined && !isFulfilled(settlement);
  const follow = async (next: Promise<Settlement>) => {
    try {
      setSettlement(await next);
      setFailure("");
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      setFailure(error.message);
    }
  };
  useEvery(isRunning ? ASK_MS : undefined, () => settlement && void follow(progressOf(api, settlement)));
  const give = (action: Settlement["action"]) => {
    setAsking(undefined);
    void follow(settle(api, action, reason));
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
      <span role="status">
        ${settlement && html`
          <${Mark} tone=${isRunning ? "idle" : "good"}>${settlementText(settlement)}<//>
        `}
      </span>
      ${failure !== "" && html`<p class="failure" role="alert">Not done: ${failure}</p>`}
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
