import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { html } from "../html.ts";
import { Mark } from "../mark.ts";
import { usePage } from "../page_context.ts";
import { mayChange } from "../standing.ts";
import { useOrder } from "./order.ts";
import { Question } from "./question.ts";

interface OrderButtonProps {
  readonly label: string;
  /** For who does not see what the button stands beside. */
  readonly description?: string;
  readonly isDanger?: boolean;
  /** Whether it is being done already. */
  readonly isBusy?: boolean;
  /** What is asked before it is done; undefined: it is done at once. */
  readonly question?: { readonly title: string; readonly text: string };
  readonly carryOut: () => Promise<string>;
}

/** A button that gives the handler an order, and says what came of it. Only admins see it. */
export function OrderButton(
  { carryOut, description, isBusy, isDanger, label, question }: OrderButtonProps,
): VNode | null {
  const { standing } = usePage();
  const { give, isRunning, outcome } = useOrder(carryOut);
  const [isAsking, setAsking] = useState(false);
  if (!mayChange(standing)) return null;
  // A button that is truly disabled, or goes, would take the focus of the keyboard with it.
  const isIdle = isBusy !== true && !isRunning;
  const go = () => {
    setAsking(false);
    void give();
  };
  return html`
    <span class="order">
      <button type="button" class="button ${isDanger ? "button-danger" : ""}" aria-label=${description}
        aria-disabled=${!isIdle}
        onClick=${isIdle ? (question === undefined ? go : () => setAsking(true)) : undefined}>
        ${label}
      </button>
      <span role="status">${outcome && html`<${Mark} tone=${outcome.tone}>${outcome.text}<//>`}</span>
      ${isAsking && question && html`
        <${Question} title=${question.title} verb=${label} isDanger=${isDanger}
          onYes=${go} onNo=${() => setAsking(false)}>
          <p>${question.text}</p>
          <//>
      `}
    </span>
  `;
}
