import type { VNode } from "preact";
import { aboutText, type Alarm } from "../alarms/alarm.ts";
import { AlarmSubject } from "../alarms/alarm_subject.ts";
import { RunbookText } from "../alarms/runbook_text.ts";
import { html } from "../html.ts";
import { linkTo } from "../location.ts";
import { Mark } from "../mark.ts";
import type { Readiness } from "../readiness.ts";

/** It only says that there are causes, which are here already. */
const UMBRELLA = "VabusNotReady";

/** Alarms that say the same as a cause in other words. */
const SAME: Readonly<Record<string, readonly string[]>> = {
  outbox_full: ["VabusOutboxFull", "VabusOutboxFills"],
};

interface AlarmLinksProps {
  readonly alarms: readonly Alarm[];
  /** Why the handler is not ready, as it is shown already. */
  readonly causes: Readiness["causes"];
}

/**
 * The alarms that stand or have just begun, each of them with what is so, but not those that say the same as
 * a cause. Nothing where there is none.
 */
export function AlarmLinks({ alarms, causes }: AlarmLinksProps): VNode | null {
  const isSaid = ({ detail, name }: Alarm) =>
    causes.some((cause) => cause.detail.includes(detail) || SAME[cause.name]?.includes(name));
  const shown = alarms.filter((alarm) => alarm.name !== UMBRELLA && !isSaid(alarm));
  if (shown.length === 0) return null;
  return html`
    <section class="card alarm-links" aria-label="Alarms">
      <ul>
        ${shown.map((alarm) => {
          const { detail, name, severity, state, summary } = alarm;
          const about = aboutText(alarm);
          const tone = state === "pending" ? "idle" : severity === "critical" ? "bad" : "warn";
          return html`
            <li key=${`${name} ${about}`}>
              <h2>
                <${Mark} tone=${tone}>${state === "pending" && "just begun: "}${summary}${about !== "" &&
                  `: ${about}`}<//>
              </h2>
              <p class="detail"><${RunbookText} text=${detail} />${" "}<${AlarmSubject} alarm=${alarm} /></p>
            </li>
          `;
        })}
      </ul>
      <p><a href=${linkTo("alarms")}>What to do</a></p>
    </section>
  `;
}
