import type { VNode } from "preact";
import type { Alarm } from "../alarms/alarm.ts";
import { RunbookText } from "../alarms/runbook_text.ts";
import { html } from "../html.ts";
import { linkTo } from "../location.ts";
import { Mark } from "../mark.ts";

/** It only says that there are causes, which are here already. */
const UMBRELLA = "VabusNotReady";

/** The alarms that stand or will soon, each of them with what is so. Nothing where there is none. */
export function AlarmLinks({ alarms }: { readonly alarms: readonly Alarm[] }): VNode | null {
  const shown = alarms.filter(({ name }) => name !== UMBRELLA);
  if (shown.length === 0) return null;
  return html`
    <section class="card alarm-links" aria-label="Alarms">
      <ul>
        ${shown.map(({ detail, labels, name, severity, state, summary }) => {
          const about = Object.values(labels).join(", ");
          const tone = state === "pending" ? "idle" : severity === "critical" ? "bad" : "warn";
          return html`
            <li key=${`${name} ${about}`}>
              <h2>
                <${Mark} tone=${tone}>${state === "pending" && "soon: "}${summary}${about !== "" &&
                  `: ${about}`}<//>
              </h2>
              <p class="detail"><${RunbookText} text=${detail} /></p>
            </li>
          `;
        })}
      </ul>
      <p><a href=${linkTo("alarms")}>What to do</a></p>
    </section>
  `;
}
