import type { VNode } from "preact";
import { useAnswer } from "../answer.ts";
import { html } from "../html.ts";
import { useLive } from "../live_feed.ts";
import { Empty, FailureNotice } from "../notices.ts";
import { countOf } from "../number_format.ts";
import { useChange } from "../change.ts";
import { useEvery } from "../every.ts";
import type { Alarm, Alarms as Answered } from "./alarm.ts";
import { AlarmCard } from "./alarm_card.ts";

const ASK_MS = 5000;

/** The alarms that stand and those that have just begun, each with what to do. */
export function Alarms(): VNode {
  const { again, failure, value } = useAnswer<Answered>("alarms");
  const { readiness } = useLive();
  useChange(again, JSON.stringify(readiness));
  useEvery(ASK_MS, again);
  if (failure !== undefined) return html`<${FailureNotice} failure=${failure} again=${again} />`;
  if (value === undefined) return html`<p class="loading">Loading …</p>`;
  const { watched } = value;
  // What keeps it from being ready says more than that it is not.
  const isUmbrella = ({ name }: Alarm) => name === "VabusNotReady";
  const alarms = value.alarms.toSorted((a, b) => Number(isUmbrella(a)) - Number(isUmbrella(b)));
  return html`
    <div class="stack">
      ${alarms.length === 0 && html`
        <${Empty} title="No alarm stands.">
          <p>The handler itself watches ${countOf(watched.length, "condition")}, those of the alerts for
            Prometheus.</p>
          <//>
      `}
      ${alarms.map((alarm) =>
        html`
          <${AlarmCard} key=${`${alarm.name} ${JSON.stringify(alarm.labels)}`} alarm=${alarm} />
        `
      )}
      <details class="card">
        <summary>Everything that is watched</summary>
        <ul class="watched">
          ${watched.map(({ name, severity, summary }) =>
            html`
              <li key=${name}>${summary} <span class="hint">(${severity}, ${name})</span></li>
            `
          )}
        </ul>
      </details>
    </div>
  `;
}
