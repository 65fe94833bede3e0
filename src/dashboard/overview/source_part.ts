import type { VNode } from "preact";
import { html } from "../html.ts";
import type { Tone } from "../mark.ts";
import { Moment } from "../moment.ts";
import { bytesText, countText, rateText, shareText } from "../number_format.ts";
import { PauseButton } from "../orders/pause_button.ts";
import { EVENLY, type Pipeline, type PipelineSource, ratePerSecond } from "../pipeline.ts";
import { Figure, Figures, Fill, Part } from "./part.ts";

const STATES: Record<PipelineSource["state"], readonly [tone: Tone, word: string]> = {
  reading: ["good", "reading"],
  failing: ["bad", "failing"],
  paused: ["warn", "paused"],
  held: ["warn", "held back"],
};

interface SourcePartProps {
  readonly source: PipelineSource;
  readonly pipelines: readonly Pipeline[];
}

/** A source: what comes from its bus, and how much of it waits there. */
export function SourcePart({ pipelines, source }: SourcePartProps): VNode {
  const { error, inbox, lost_total, name, newest_event, refused_total, state, unread } = source;
  const perSecond = ratePerSecond(
    pipelines,
    ({ sources }) => sources.find((other) => other.name === name)?.received_total,
    EVENLY,
  );
  const [tone, word] = STATES[state];
  return html`
    <${Part} name=${name} tone=${tone} state=${word}>
      ${error && html`<p class="detail">${error}</p>`}
      <${Figures}>
        <${Figure} name="Rate">${rateText(perSecond)}<//>
        ${unread !== null && html`<${Figure} name="Unread">${countText(unread)}<//>`}
        <${Figure} name="Newest event"><${Moment} seconds=${newest_event} /><//>
        ${refused_total > 0 && html`<${Figure} name="Refused">${countText(refused_total)}<//>`}
        ${lost_total > 0 && html`<${Figure} name="Lost">${countText(lost_total)}<//>`}
        ${inbox && html`
          <${Figure} name="Inbox">${bytesText(inbox.bytes)} (${shareText(inbox.bytes, inbox.max_bytes)})<//>
        `}
      <//>
      ${inbox && html`<${Fill} name="How full the inbox is" part=${inbox.bytes} whole=${inbox.max_bytes} />`}
      <${PauseButton} kind="source" name=${name} isPaused=${state === "paused"} />
    <//>
  `;
}
