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
  /** What is asked before it is done; undefined: it is done at once. */
  readonly question?: { readonly title: string; readonly text: string };
  readonly carryOut: () => Promise<string>;
}

/** A button that gives the handler an order, and says what came of it. Only admins see it. */
export function OrderButton(
  { carryOut, description, isDanger, label, question }: OrderButtonProps,
): VNode | null {
  const { standing } = usePage();
  const { give, isRunning, outcome } = useOrder(carryOut);
  const [isAsking, setAsking] = useState(false);
  if (!mayChange(standing)) return null;
  const go = () => {
    setAsking(false);
    void give();
  };
  return html`
    <span class="order">
      <button type="button" class="button ${isDanger ? "button-danger" : ""}" aria-label=${description}
        disabled=${isRunning} onClick=${question === undefined ? go : () => setAsking(true)}>
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
