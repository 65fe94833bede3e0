import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { html } from "./html.ts";
import { useLive } from "./live_feed.ts";
import { linkTo, useViewLocation } from "./location.ts";
import { Mark } from "./mark.ts";
import { Empty } from "./notices.ts";
import { usePage } from "./page_context.ts";
import { headlineOf } from "./headline.ts";
import type { View } from "./view.ts";
import { VIEWS } from "./views.ts";

/** The frame of all views: what holds at the moment, the navigation, and the view of the address. */
export function Shell({ onSignOut }: { readonly onSignOut: () => void }): VNode {
  const { path } = useViewLocation();
  const view = VIEWS.find((candidate) => candidate.path === path);
  return html`
    <div class="shell">
      <a class="skip" href="#content" onClick=${focusContent}>Skip to the content</a>
      <${Header} onSignOut=${onSignOut} />
      <${Navigation} path=${path} />
      <${Content} view=${view} />
    </div>
  `;
}

function Header({ onSignOut }: { readonly onSignOut: () => void }): VNode {
  const { standing } = usePage();
  const live = useLive();
  const { hasAlarms, text, tone } = headlineOf(live);
  const instance = live.pipelines.at(-1)?.instance;
  return html`
    <header class="header">
      <a class="brand" href=${linkTo("")}>
        <img src="assets/icon.svg" alt="" width="28" height="28" />
        <span class="brand-name">VaBus Data Handler</span>
        ${instance !== undefined && html`<span class="brand-instance">${instance}</span>`}
      </a>
      <p class="headline" role="status">
        <a href=${linkTo(hasAlarms ? "alarms" : "")}>
          <${Mark} tone=${tone}>${text}<//>
        </a>
      </p>
      ${standing.by === "session" && html`
        <div class="who">
          <span class="hint">${standing.role}</span>
          <button type="button" class="button" onClick=${onSignOut}>Sign out</button>
        </div>
      `}
    </header>
  `;
}

function Navigation({ path }: { readonly path: string }): VNode {
  return html`
    <nav class="navigation" aria-label="Views">
      <ul>
        ${VIEWS.map((view) =>
          html`
            <li key=${view.path}>
              <a href=${linkTo(view.path)} aria-current=${view.path === path ? "page" : undefined}>
                ${view.title}
              </a>
            </li>
          `
        )}
      </ul>
    </nav>
  `;
}

function Content({ view }: { readonly view: View | undefined }): VNode {
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  const title = view?.title ?? "Not found";
  useEffect(() => {
    document.title = `${title} · VaBus Data Handler`;
    // After a change of the view, who uses a keyboard or a screen reader goes on at its heading.
    if (!isFirst.current) heading.current?.focus();
    isFirst.current = false;
  }, [title]);
  return html`
    <main class="content" id="content" tabindex="-1">
      <h1 ref=${heading} tabindex="-1">${title}</h1>
      ${view === undefined
        ? html`
          <${Empty} title="There is no such view.">
            <p><a href=${linkTo("")}>Go to the overview</a></p>
            <//>
        `
        : html`<${view.component} key=${view.path} />`}
    </main>
  `;
}

/** The fragment of the address is the view's, so a link cannot do it. */
function focusContent(event: Event): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
