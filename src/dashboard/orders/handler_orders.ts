import type { VNode } from "preact";
import { html } from "../html.ts";
import { countOf } from "../number_format.ts";
import { usePage } from "../page_context.ts";
import { mayChange } from "../standing.ts";
import { OrderButton } from "./order_button.ts";

const FLUSH = {
  title: "Close all open windows?",
  text: "They are delivered as they are now. Events that come for them later correct them.",
};

interface Reloaded {
  readonly changed: readonly string[];
  readonly changed_at_next_start: readonly string[];
}

/** Orders to the handler as a whole. Nothing for who may not give them. */
export function HandlerOrders(): VNode | null {
  const { api, standing } = usePage();
  if (!mayChange(standing)) return null;
  const flush = async () => {
    const { closed } = await api.post<{ closed: number }>("flush");
    return `${countOf(closed, "window")} closed`;
  };
  const reload = async () => reloadedText(await api.post<Reloaded>("reload"));
  return html`
    <section class="card" aria-labelledby="orders-heading">
      <h2 id="orders-heading">Orders</h2>
      <div class="actions">
        <${OrderButton} label="Close open windows" question=${FLUSH} carryOut=${flush} />
        <${OrderButton} label="Read the settings again" carryOut=${reload} />
      </div>
    </section>
  `;
}

function reloadedText({ changed, changed_at_next_start: later }: Reloaded): string {
  const now = changed.length === 0 ? "No setting has changed" : `Changed: ${changed.join(", ")}`;
  return later.length === 0 ? now : `${now}; at the next start: ${later.join(", ")}`;
}
