import type { VNode } from "preact";
import type { Windows } from "../../api/windows_endpoint.ts";
import { useAnswer } from "../answer.ts";
import { Choice } from "../choice.ts";
import { useEvery } from "../every.ts";
import { html } from "../html.ts";
import { linkTo, useViewLocation } from "../location.ts";
import { Moment } from "../moment.ts";
import { Empty, FailureNotice } from "../notices.ts";
import { countOf } from "../number_format.ts";
import { durationText } from "../time_format.ts";
import { ClosedWindows } from "./closed_windows.ts";
import { OpenWindows } from "./open_windows.ts";

const RENEWED_MS = 3000;

/** The open windows of each tier, and those that have closed lately. */
export function WindowsView(): VNode {
  const { tier = "" } = useViewLocation().parameters;
  const { again, failure, value: windows } = useAnswer<Windows>("windows");
  useEvery(RENEWED_MS, again);
  const options = [
    ["", "All"] as const,
    ...windows?.tiers.map(({ window_seconds: seconds }) => [`${seconds}`, durationText(seconds)] as const) ??
      [],
  ];
  const shown = windows?.tiers.filter(({ window_seconds }) => tier === "" || tier === `${window_seconds}`);
  return html`
    <div class="stack">
      ${failure && html`<${FailureNotice} failure=${failure} again=${again} />`}
      ${options.length > 2 && html`
        <${Choice} label="Length of windows" parameter="tier" chosen=${tier} options=${options} />
      `}
      ${windows?.watermark && html`
        <p>
          Event time has come to <${Moment} seconds=${windows
            .watermark} />. A window closes when it comes to the
          window's end.
        </p>
      `}
      ${windows && windows.tiers.length === 0 && html`
        <div class="card">
          <${Empty} title="There are no windows yet.">
            <p>The first event opens one. Does the source bring events? The overview shows it.</p>
            <//>
            </div>
      `}
      ${shown?.map((found) =>
        html`
          <${Tier} key=${found.window_seconds} tier=${found} watermark=${windows!.watermark} />
        `
      )}
    </div>
  `;
}

interface TierProps {
  readonly tier: Windows["tiers"][number];
  readonly watermark: number | null;
}

function Tier({ tier: { closed, older, open, window_seconds }, watermark }: TierProps): VNode {
  const title = `Windows of ${durationText(window_seconds)}`;
  return html`
    <section class="card" aria-label=${title}>
      <h2>${title}</h2>
      <div class="stack">
        <${OpenWindows} windows=${open} watermark=${watermark} label=${`${title} that are open`} />
        ${older && html`<${Older} older=${older} />`}
        <${ClosedWindows} windows=${closed} label=${`${title} that have closed`} />
      </div>
    </section>
  `;
}

/** What late events have done to windows that are too old to be in the list. */
function Older({ older }: { readonly older: NonNullable<Windows["tiers"][number]["older"]> }): VNode {
  const { aggregates, last_at, oldest, windows } = older;
  return html`
    <p class="notice tone-warn">
      Late events: ${countOf(aggregates, "correction")} to ${countOf(windows, "older window")}, the oldest
      of <${Moment} seconds=${oldest} /> (${durationText(last_at - oldest)} late), the last at
      <${Moment} seconds=${last_at} />. <a href=${linkTo("series")}>Which series</a>
    </p>
  `;
}
