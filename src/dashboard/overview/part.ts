import type { VNode } from "preact";
import { html, type WithChildren } from "../html.ts";
import { Mark, type Tone } from "../mark.ts";

interface PartProps extends WithChildren {
  readonly name: string;
  readonly tone: Tone;
  /** The state in a word or two. */
  readonly state: string;
}

/** One box of the pipeline: what it is, how it stands, and its figures. */
export function Part({ children, name, state, tone }: PartProps): VNode {
  return html`
    <section class="part part-${tone}" aria-label=${name}>
      <h3 class="part-name" title=${name}>${name}</h3>
      <p class="part-state">
        <${Mark} tone=${tone}>${state}<//></p>
      ${children}
    </section>
  `;
}

/** Figures with their names. */
export function Figures({ children }: WithChildren): VNode {
  return html`<dl class="figures">${children}</dl>`;
}

/** One figure of a part. */
export function Figure({ children, name }: WithChildren & { readonly name: string }): VNode {
  return html`
    <div>
      <dt>${name}</dt>
      <dd>${children}</dd>
    </div>
  `;
}

/** Up to that share the bar is green, beyond the other one red. */
const FILLING_SHARE = 0.5;
const FULL_SHARE = 0.9;

/** How full something is: a bar, with the same in words. */
export function Fill({ part, whole, name }: { part: number; whole: number; name: string }): VNode {
  return html`
    <meter
      class="fill"
      min="0"
      max=${whole}
      low=${whole * FILLING_SHARE}
      high=${whole * FULL_SHARE}
      optimum="0"
      value=${part}
      aria-label=${name}
    ></meter>
  `;
}
