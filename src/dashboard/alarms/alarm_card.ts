import type { VNode } from "preact";
import { html } from "../html.ts";
import { Mark, type Tone } from "../mark.ts";
import { Moment } from "../moment.ts";
import { aboutText, type Alarm } from "./alarm.ts";
import { AlarmSubject } from "./alarm_subject.ts";
import { RunbookText } from "./runbook_text.ts";

/** An alarm: what is wrong and since when, what it means, how to look and what to do. */
export function AlarmCard({ alarm }: { readonly alarm: Alarm }): VNode {
  const { detail, fires_at, name, runbook, severity, since, state, summary } = alarm;
  const tone: Tone = state === "pending" ? "idle" : severity === "critical" ? "bad" : "warn";
  const about = aboutText(alarm);
  return html`
    <section class="card alarm tone-${tone}" aria-label=${`${summary}${about === "" ? "" : `: ${about}`}`}>
      <h2>${summary}${about !== "" && html`: <span class="about">${about}</span>`}</h2>
      <p class="actions">
        <${Mark} tone=${tone}>${state === "pending" ? `just begun: ${severity}` : severity}<//>
        <span class="hint">
          since <${Moment} seconds=${since} />${state === "pending" &&
            html`<span>, an alarm at <${Moment} seconds=${fires_at} /></span>`} · ${name}
        </span>
      </p>
      <p class="detail"><${RunbookText} text=${detail} />${" "}<${AlarmSubject} alarm=${alarm} /></p>
      <dl class="runbook">
        <dt>What it means</dt><dd><${RunbookText} text=${runbook.means} /></dd>
        <dt>How to look</dt><dd><${RunbookText} text=${runbook.look} /></dd>
        <dt>What to do</dt><dd><${RunbookText} text=${runbook.do} /></dd>
      </dl>
    </section>
  `;
}
