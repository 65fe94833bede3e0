import type { VNode } from "preact";
import { useAnswer } from "../answer.ts";
import { html } from "../html.ts";
import { useLive } from "../live_feed.ts";
import { changeParameters, useViewLocation } from "../location.ts";
import { Mark } from "../mark.ts";
import { Moment } from "../moment.ts";
import { Empty, FailureNotice } from "../notices.ts";
import { useChange } from "../change.ts";
import type { AuditLine } from "./audit_line.ts";

/** All that the handler keeps. */
const LINES = 1000;

/** Who has ordered what, when, and what came of it. The address may name a text that is looked for. */
export function Audit(): VNode {
  const { parameters: { q = "" } } = useViewLocation();
  const { again, failure, value } = useAnswer<{ orders: AuditLine[] }>("audit", { limit: LINES });
  const { status } = useLive();
  useChange(again, JSON.stringify(status?.audit));
  if (failure !== undefined) return html`<${FailureNotice} failure=${failure} again=${again} />`;
  if (value === undefined) return html`<p class="loading">Loading …</p>`;
  const found = value.orders.filter((line) => textOf(line).includes(q.toLowerCase()));
  return html`
    <section class="card stack" aria-label="Orders">
      <label class="field">
        <span>Find</span>
        <input type="search" value=${q} placeholder="a name, an address, an order"
          onInput=${(event: Event) => changeParameters({ q: (event.target as HTMLInputElement).value })} />
      </label>
      ${found.length === 0 ? html`<${NothingFound} q=${q} />` : html`<${Lines} lines=${found} />`}
    </section>
  `;
}

function textOf({ action, detail, result, who }: AuditLine): string {
  return `${who} ${action} ${detail} ${result ?? ""}`.toLowerCase();
}

function NothingFound({ q }: { readonly q: string }): VNode {
  return q === ""
    ? html`
      <${Empty} title="No order was given yet.">
        <p>Each order of an operator is noted here: who, when, what, and what came of it.</p>
        <//>
    `
    : html`
      <${Empty} title="No order has this text.">
        <p>Look for less of it, or for another one.</p>
        <//>
    `;
}

function Lines({ lines }: { readonly lines: readonly AuditLine[] }): VNode {
  return html`
    <div class="table-frame" tabindex="0" role="region" aria-label="Orders, newest first">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">Result</th>
          </tr>
        </thead>
        <tbody>
          ${lines.map(({ action, at, detail, result, who }, i) =>
            html`
              <tr key=${`${at} ${i}`}>
                <td>
                  <${Moment} seconds=${at} />
                </td>
                <td>${who}</td>
                <td><strong>${action}</strong> ${detail}</td>
                <td>${result ?? html`<${Mark} tone="idle">not yet<//>`}</td>
              </tr>
            `
          )}
        </tbody>
      </table>
    </div>
  `;
}
