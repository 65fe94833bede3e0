import type { VNode } from "preact";
import { html } from "../html.ts";
import { useLive } from "../live_feed.ts";
import { linkTo } from "../location.ts";
import { Mark } from "../mark.ts";
import { ADVICE } from "../overview/advice.ts";

/** Why the handler is not ready, for who misses values: they may be missing for that. Nothing where it is. */
export function HandlerObstacles(): VNode | null {
  const causes = useLive().readiness?.causes ?? [];
  if (causes.length === 0) return null;
  const titles = new Set(causes.map(({ name }) => ADVICE[name as keyof typeof ADVICE]?.title ?? name));
  return html`
    <section class="card notice tone-warn" aria-label="The handler is not ready">
      <ul class="marks">
        ${[...titles].map((title) =>
          html`
            <li key=${title}>
              <${Mark} tone="bad">${title}<//></li>
          `
        )}
      </ul>
      <p>The newest values may be missing here or in the sinks for that.${" "}
        <a href=${linkTo("")}>What to do</a></p>
    </section>
  `;
}
