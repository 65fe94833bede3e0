import type { VNode } from "preact";
import { html } from "../html.ts";
import { linkTo } from "../location.ts";
import { Moment } from "../moment.ts";
import { bytesText, countText, shareText } from "../number_format.ts";
import type { Pipeline } from "../pipeline.ts";
import { durationText } from "../time_format.ts";
import { Figure, Figures, Fill, Part } from "./part.ts";

interface MiddleProps {
  readonly pipeline: Pipeline;
}

/** The windows: what is open, and how far event time is behind the clock. */
export function WindowsPart({ pipeline }: MiddleProps): VNode {
  const {
    dropped_total,
    idle,
    late_arrivals_total,
    open_series,
    unrouted_total,
    watermark,
    watermark_lag_seconds,
    windows,
  } = pipeline;
  const open = windows.reduce((sum, tier) => sum + tier.open, 0);
  return html`
    <${Part} name="Windows" tone=${open > 0 ? "good" : "idle"} state=${open === 0
      ? "none open"
      : idle
      ? "idle"
      : "open"}>
      <${Figures}>
        <${Figure} name="Open">${countText(open)}<//>
        ${windows.length > 1 && windows.map((tier) =>
          html`
            <${Figure} name=${`of ${durationText(tier.window_seconds)}`}>${countText(tier.open)}<//>
          `
        )}
        <${Figure} name="Series">${countText(open_series)}<//>
        <${Figure} name="Lag">
          ${watermark_lag_seconds === null ? "–" : durationText(watermark_lag_seconds)}
        <//>
        <${Figure} name="Watermark"><${Moment} seconds=${watermark} /><//>
        ${late_arrivals_total > 0 &&
          html`
            <${Figure} name="Late"><a href=${linkTo("series")}>${countText(late_arrivals_total)}</a><//>
          `}
        ${dropped_total > 0 && html`<${Figure} name="Dropped">${countText(dropped_total)}<//>`}
        ${unrouted_total > 0 && html`
          <${Figure} name="To no sink">${countText(unrouted_total)}<//>
        `}
      <//>
    <//>
  `;
}

/** The outbox, and the state that it is in. */
export function OutboxPart({ pipeline }: MiddleProps): VNode {
  const { checkpoint_at, dead_letters, outbox: { max_rows, rows }, state_bytes } = pipeline;
  const deadLetters = Object.values(dead_letters ?? {}).reduce((sum, count) => sum + count, 0);
  const [tone, word] = rows >= max_rows
    ? ["bad", "full"]
    : rows > max_rows / 2
    ? ["warn", "filling"]
    : ["good", rows === 0 ? "empty" : "flowing"];
  return html`
    <${Part} name="Outbox" tone=${tone} state=${word}>
      <${Figures}>
        <${Figure} name="Waiting">
          ${countText(rows)} (${rows >= max_rows
            ? `all of ${countText(max_rows)}`
            : shareText(rows, max_rows)})
        <//>
        <${Figure} name="Checkpoint"><${Moment} seconds=${checkpoint_at} /><//>
        <${Figure} name="State">${bytesText(state_bytes)}<//>
        ${deadLetters > 0 && html`
          <${Figure} name="Dead letters"><a href=${linkTo("dead-letters")}>${countText(deadLetters)}</a><//>
        `}
      <//>
      <${Fill} name="How full the outbox is" part=${rows} whole=${max_rows} />
    <//>
  `;
}
