import type { VNode } from "preact";
import { html } from "./html.ts";
import { timeText, utcText } from "./time_format.ts";

/** A time, Unix seconds: in the viewer's zone, with UTC at hand. */
export function Moment({ seconds }: { readonly seconds: number | null | undefined }): VNode {
  if (seconds === null || seconds === undefined) return html`<span>–</span>`;
  const utc = utcText(seconds);
  return html`<time datetime=${utc} title=${utc}>${timeText(seconds)}</time>`;
}
