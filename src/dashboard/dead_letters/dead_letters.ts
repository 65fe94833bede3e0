import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useAnswer } from "../answer.ts";
import { html } from "../html.ts";
import { useLive } from "../live_feed.ts";
import { useViewLocation } from "../location.ts";
import { Empty, FailureNotice } from "../notices.ts";
import { useChange } from "../change.ts";
import type { DeadLetterGroup, DeadLettersPage } from "./dead_letter.ts";
import { DeadLetterGroups } from "./dead_letter_groups.ts";
import { DeadLetterList } from "./dead_letter_list.ts";
import { SettlementMark } from "./settlement_buttons.ts";
import { type Settling, useSettling } from "./settling.ts";

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
  const settling = useSettling();
  const { status } = useLive();
  useChange(again, JSON.stringify(status?.dead_letters));
  if (failure !== undefined) return html`<${FailureNotice} failure=${failure} again=${again} />`;
  if (value === undefined) return html`<p class="loading">Loading …</p>`;
  if (reason !== undefined) {
    return html`<${DeadLetterList} page=${value} reason=${reason} name=${name} isLater=${
      before !== undefined
    } />`;
  }
  return html`
    <div class="stack">
      <${GoneNotice} groups=${value.groups} settling=${settling} />
      ${value.groups.length === 0
        ? html`
          <${Empty} title="Nothing is refused.">
            <p>Events that cannot be taken in, and aggregates that a sink refuses, are kept here with the reason.</p>
            <//>
        `
        : html`<${DeadLetterGroups} groups=${value.groups} settling=${settling} />`}
    </div>
  `;
}

/** What came of requests whose dead letters are all gone, and their buttons with them. */
function GoneNotice({ groups, settling }: { groups: readonly DeadLetterGroup[]; settling: Settling }): VNode {
  const notice = useRef<HTMLDivElement>(null);
  const gone = [...settling.settled].flatMap(([reason, { settlement }]) =>
    settlement === undefined || groups.some((group) => group.reason === reason)
      ? []
      : [{ reason, settlement }]
  );
  // The button that had the focus is gone, too.
  useEffect(() => {
    if (gone.length > 0 && document.activeElement === document.body) notice.current?.focus();
  }, [gone.length]);
  return html`
    <div ref=${notice} role="status" tabindex="-1">
      ${gone.map(({ reason, settlement }) =>
        html`<p key=${reason}>${reason}: <${SettlementMark} settlement=${settlement} /></p>`
      )}
    </div>
  `;
}
