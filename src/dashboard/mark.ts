import type { VNode } from "preact";
import { html, type WithChildren } from "./html.ts";

/** How something stands. Each has a sign and a colour; the word beside it says the same. */
export type Tone = "good" | "warn" | "bad" | "idle";

/** The signs differ in shape, for those who cannot tell the colours. */
const SIGNS: Record<Tone, string> = {
  good: "M3 8.5l3.2 3.2L13 4.8",
  warn: "M8 3v6M8 12.2v.8",
  bad: "M4 4l8 8M12 4l-8 8",
  idle: "M4 8h8",
};

/** A state in a word, with its sign: `<${Mark} tone="good">delivering<//>`. */
export function Mark({ tone, children }: WithChildren & { readonly tone: Tone }): VNode {
  return html`
    <span class="mark tone-${tone}">
      <svg class="mark-sign" viewBox="0 0 16 16" aria-hidden="true">
        <path d=${SIGNS[tone]} />
      </svg>
      <span>${children}</span>
    </span>
  `;
}
