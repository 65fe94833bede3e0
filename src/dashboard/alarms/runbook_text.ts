import type { VNode } from "preact";
import { html } from "../html.ts";

/** A text of the handler for operators: Markdown, of which only code is used there. */
export function RunbookText({ text }: { readonly text: string }): VNode {
  return html`<span>${
    text.split("`").map((part, i) => i % 2 === 0 ? part : html`<code>${part}</code>`)
  }</span>`;
}
