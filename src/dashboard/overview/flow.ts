import type { VNode } from "preact";
import { html } from "../html.ts";
import { rateText } from "../number_format.ts";

interface FlowProps {
  /** What flows. */
  readonly noun: string;
  /** Undefined: not known yet. */
  readonly perSecond: number | undefined;
  readonly isBlocked: boolean;
}

/** The way from one part of the pipeline to the next, and how much flows there. */
export function Flow({ isBlocked, noun, perSecond }: FlowProps): VNode {
  const motion = isBlocked ? "blocked" : (perSecond ?? 0) > 0 ? "moving" : "still";
  return html`
    <li class="flow flow-${motion}">
      <span class="flow-rate">${isBlocked ? "held back" : rateText(perSecond)}</span>
      <svg class="flow-line" viewBox="0 0 64 16" preserveAspectRatio="none" aria-hidden="true">
        <path class="flow-bed" d="M0 8H64" />
        <path class="flow-stream" d="M0 8H64" />
      </svg>
      <span class="flow-noun">${noun}</span>
    </li>
  `;
}
