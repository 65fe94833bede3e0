import type { VNode } from "preact";
import { html } from "../html.ts";
import { linkTo } from "../location.ts";
import type { Alarm } from "./alarm.ts";

/** Why events are refused that have a series each. */
const OF_SERIES = ["future", "late", "overflow"];

/** A link to the series or the dead letters that an alarm is about. Nothing where it is about none. */
export function AlarmSubject({ alarm }: { readonly alarm: Alarm }): VNode | null {
  const { labels, name } = alarm;
  const reason = labels["reason"] ?? /^events_refused_(.*)/.exec(labels["alarm"] ?? "")?.[1];
  if (name === "VabusLateData" || (reason !== undefined && OF_SERIES.includes(reason))) {
    return html`<a href=${linkTo("series")}>Show the series</a>`;
  }
  return reason === "invalid"
    ? html`<a href=${linkTo("dead-letters", { reason })}>Show the dead letters</a>`
    : null;
}
