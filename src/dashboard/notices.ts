import type { VNode } from "preact";
import type { ApiFailure } from "./api.ts";
import { html, type WithChildren } from "./html.ts";

/** What stands where there is nothing to show yet: why, and what to do next. */
export function Empty({ title, children }: WithChildren & { readonly title: string }): VNode {
  return html`
    <div class="empty">
      <p class="empty-title">${title}</p>
      ${children}
    </div>
  `;
}

/** A question that failed, with a way to ask again. */
export function FailureNotice(
  { failure, again }: { readonly failure: ApiFailure; readonly again?: () => void },
): VNode {
  return html`
    <div class="notice tone-bad" role="alert">
      <p>${failure.message}</p>
      ${again && html`<button type="button" class="button" onClick=${again}>Try again</button>`}
    </div>
  `;
}
