import type { VNode } from "preact";
import type { Windows } from "../../api/windows_endpoint.ts";
import { html } from "../html.ts";
import { countOf, countText } from "../number_format.ts";
import { durationText } from "../time_format.ts";
import { WindowSpan } from "./window_span.ts";

/** The oldest ones are those to look at. */
const SHOWN_MAX = 50;

interface OpenWindowsProps {
  readonly windows: Windows["tiers"][number]["open"];
  readonly watermark: number | null;
  /** What the table is called for who does not see it. */
  readonly label: string;
}

/** Windows that still take events. */
export function OpenWindows({ label, watermark, windows }: OpenWindowsProps): VNode {
  if (windows.length === 0) return html`<p class="hint">No window is open.</p>`;
  return html`
    <div>
      <div class="table-frame" tabindex="0" role="region" aria-label=${label}>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Open</th>
              <th scope="col" class="number">Series</th>
              <th scope="col" class="number">Events</th>
              <th scope="col" class="number">Closes in</th>
            </tr>
          </thead>
          <tbody>
            ${windows.slice(0, SHOWN_MAX).map((window) =>
              html`
                <tr key=${window.window_start}>
                  <td>
                    <${WindowSpan} start=${window.window_start} end=${window.window_end} />
                  </td>
                  <td class="number">${countText(window.series)}</td>
                  <td class="number">${countText(window.events)}</td>
                  <td class="number">${untilEnd(window.window_end, watermark)}</td>
                </tr>
              `
            )}
          </tbody>
        </table>
      </div>
      ${windows.length > SHOWN_MAX && html`
        <p class="hint">The oldest ${countText(SHOWN_MAX)} of ${countOf(windows.length, "open window")}.</p>
      `}
    </div>
  `;
}

/** The event time that is still missing. */
function untilEnd(end: number, watermark: number | null): string {
  return watermark === null ? "–" : durationText(Math.max(0, end - watermark));
}
