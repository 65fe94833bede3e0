import type { VNode } from "preact";
import { html } from "../html.ts";
import type { Tone } from "../mark.ts";
import { Moment } from "../moment.ts";
import { countText, rateText } from "../number_format.ts";
import { PauseButton } from "../orders/pause_button.ts";
import type { Pipeline, PipelineSink } from "../pipeline.ts";
import { durationText } from "../time_format.ts";
import { Figure, Figures, Part } from "./part.ts";

const STATES: Record<PipelineSink["state"], readonly [tone: Tone, word: string]> = {
  starting: ["idle", "starting"],
  delivering: ["good", "delivering"],
  failing: ["bad", "failing"],
  broken: ["bad", "not tried for now"],
  misconfigured: ["bad", "misconfigured"],
  paused: ["warn", "paused"],
};

interface SinkPartProps {
  readonly sink: PipelineSink;
  readonly pipelines: readonly Pipeline[];
}

/** A sink: what it takes, what waits for it, and for how long already. */
export function SinkPart({ pipelines, sink }: SinkPartProps): VNode {
  const { error, last_delivery, name, rejected_total, state, waiting, waiting_since } = sink;
  const [tone, word] = STATES[state];
  const perSecond = sink.delivered_per_second ?? undefined;
  const now = pipelines.at(-1)!.at;
  return html`
    <${Part} name=${name} tone=${tone} state=${word}>
      ${error && html`<p class="detail">${error}</p>`}
      <${Figures}>
        <${Figure} name="Rate">${rateText(perSecond)}<//>
        <${Figure} name="Waiting">${countText(waiting)}<//>
        ${waiting_since !== null && html`
          <${Figure} name="Waits for">${durationText(Math.max(0, now - waiting_since))}<//>
        `}
        <${Figure} name="Last delivery"><${Moment} seconds=${last_delivery} /><//>
        ${rejected_total > 0 && html`<${Figure} name="Rejected">${countText(rejected_total)}<//>`}
      <//>
      <${PauseButton} kind="sink" name=${name} isPaused=${state === "paused"} />
    <//>
  `;
}
