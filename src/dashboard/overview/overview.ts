import type { VNode } from "preact";
import { html } from "../html.ts";
import { useLive } from "../live_feed.ts";
import { HandlerOrders } from "../orders/handler_orders.ts";
import { PipelinePicture } from "./pipeline_picture.ts";
import { ReadinessCard } from "./readiness_card.ts";

/** At a glance: does data flow, how far behind is it, and what is in the way. */
export function Overview(): VNode {
  const { pipelines, readiness } = useLive();
  const pipeline = pipelines.at(-1);
  return html`
    <div class="stack">
      ${readiness && html`<${ReadinessCard} readiness=${readiness} />`}
      ${pipeline && html`<${PipelinePicture} pipelines=${pipelines} pipeline=${pipeline} />`}
      <${HandlerOrders} />
    </div>
  `;
}
