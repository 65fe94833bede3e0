import type { VNode } from "preact";
import { html } from "../html.ts";
import { Moment } from "../moment.ts";
import { valueText } from "../number_format.ts";
import type { DeadLetter } from "./dead_letter.ts";

/** One dead letter: why, when, where from, and the event or the aggregate itself. */
export function DeadLetterDetail({ deadLetter }: { readonly deadLetter: DeadLetter }): VNode {
  const { aggregate, cut, detail, id, raw, raw_base64, refused_at } = deadLetter;
  const time = timeIn(raw);
  const content = raw ?? (raw_base64 === undefined ? undefined : `base64: ${raw_base64}`);
  return html`
    <div class="dead-letter">
      <p class="dead-letter-detail">${detail}</p>
      <p class="hint">
        Number ${id}, <${Moment} seconds=${refused_at} />${originOf(deadLetter)}${time !== undefined &&
          html`<span>; the event says <${Moment} seconds=${time} /></span>`}
      </p>
      ${content !== undefined && html`
        <pre class="raw" tabindex="0" aria-label="The event as it came">${content}${cut ? " …" : ""}</pre>
      `}
      ${aggregate && html`
        <p>
          <code>${aggregate.name}</code> ${aggregate.agg_func} = ${aggregate.value === null
            ? "–"
            : valueText(aggregate.value)}, window from <${Moment} seconds=${aggregate.window_start} />
        </p>
      `}
    </div>
  `;
}

function originOf({ bus, offset, partition, path, sink }: DeadLetter): string {
  return [
    sink !== undefined && `by the sink ${sink}`,
    bus !== undefined && `from ${bus}`,
    partition && `partition ${partition}`,
    path !== undefined && `file ${path}`,
    offset !== undefined && `offset ${offset}`,
  ].filter((part) => part !== false && part !== "" && part !== undefined).map((part) => `, ${part}`).join("");
}

/** Times of which a browser can make a text, seconds. */
const TIME_MAX_SECONDS = 8.64e12;

/** The time that an event states in its usual shape, Unix seconds; undefined: it cannot be told. */
function timeIn(raw: string | undefined): number | undefined {
  try {
    const time: unknown = JSON.parse(raw ?? "").timestamp;
    return typeof time === "number" && Math.abs(time) <= TIME_MAX_SECONDS ? time : undefined;
  } catch {
    return undefined;
  }
}
