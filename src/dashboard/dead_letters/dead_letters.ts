import type { VNode } from "preact";
import { useAnswer } from "../answer.ts";
import { html } from "../html.ts";
import { useLive } from "../live_feed.ts";
import { useViewLocation } from "../location.ts";
import { Empty, FailureNotice } from "../notices.ts";
import { useChange } from "../change.ts";
import type { DeadLettersPage } from "./dead_letter.ts";
import { DeadLetterGroups } from "./dead_letter_groups.ts";
import { DeadLetterList } from "./dead_letter_list.ts";

const PAGE = 25;
/** Bytes of each event that are shown. */
const RAW_BYTES = 2000;

/** What was refused and why, and the way back. The address may name a reason: then its list is shown. */
export function DeadLetters(): VNode {
  const { parameters: { before, name, reason } } = useViewLocation();
  const { again, failure, value } = useAnswer<DeadLettersPage>("dead-letters", {
    reason,
    name,
    before,
    limit: reason === undefined ? 1 : PAGE,
    raw: RAW_BYTES,
  });
  const { status } = useLive();
  useChange(again, JSON.stringify(status?.dead_letters));
  if (failure !== undefined) return html`<${FailureNotice} failure=${failure} again=${again} />`;
  if (value === undefined) return html`<p class="loading">Loading …</p>`;
  if (reason !== undefined) {
    return html`<${DeadLetterList} page=${value} reason=${reason} name=${name} isLater=${
      before !== undefined
    } />`;
  }
  return value.groups.length === 0
    ? html`
      <${Empty} title="Nothing is refused.">
        <p>Events that cannot be taken in, and aggregates that a sink refuses, are kept here with the reason.</p>
        <//>
    `
    : html`<${DeadLetterGroups} groups=${value.groups} />`;
}
