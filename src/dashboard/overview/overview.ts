import type { VNode } from "preact";
import type { Alarms } from "../alarms/alarm.ts";
import { useAnswer } from "../answer.ts";
import { useChange } from "../change.ts";
import { useEvery } from "../every.ts";
import { html } from "../html.ts";
import { useLive } from "../live_feed.ts";
import { HandlerOrders } from "../orders/handler_orders.ts";
import { AlarmLinks } from "./alarm_links.ts";
import { NotesCard } from "./notes_card.ts";
import { PipelinePicture } from "./pipeline_picture.ts";
import { ReadinessCard } from "./readiness_card.ts";

const ASK_MS = 5000;

/** At a glance: does data flow, how far behind is it, and what is in the way. */
export function Overview(): VNode {
  const { pipelines, readiness } = useLive();
  const pipeline = pipelines.at(-1);
  const { again, value: alarms } = useAnswer<Alarms>("alarms");
  useChange(again, JSON.stringify(readiness));
  useEvery(ASK_MS, again);
  return html`
    <div class="stack">
      ${readiness && html`<${ReadinessCard} readiness=${readiness} />`}
      ${alarms && html`<${AlarmLinks} alarms=${alarms.alarms} causes=${readiness?.causes ?? []} />`}
      ${pipeline && html`<${NotesCard} notes=${pipeline.notes} />`}
      ${pipeline && html`<${PipelinePicture} pipelines=${pipelines} pipeline=${pipeline} />`}
      <${HandlerOrders} />
    </div>
  `;
}
