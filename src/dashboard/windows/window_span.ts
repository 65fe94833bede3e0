import type { VNode } from "preact";
import { html } from "../html.ts";
import { Moment } from "../moment.ts";

/** From when to when a window is, Unix seconds. */
export function WindowSpan({ end, start }: { readonly start: number; readonly end: number }): VNode {
  return html`<span class="span"><${Moment} seconds=${start} /> – <${Moment} seconds=${end} /></span>`;
}
