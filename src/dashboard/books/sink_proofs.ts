import type { VNode } from "preact";
import type { ProofResult } from "../../api/job_endpoints.ts";
import { html } from "../html.ts";
import { Mark, type Tone } from "../mark.ts";
import { Moment } from "../moment.ts";
import { countOf, countText } from "../number_format.ts";
import { durationText } from "../time_format.ts";

type SinkProof = ProofResult["sinks"][number];

/** What was compared, sink by sink and tier by tier, with a tick or a cross for each. */
export function SinkProofs({ result }: { readonly result: ProofResult }): VNode {
  const { losses, not_compared, sinks, state_faults } = result;
  return html`
    <div class="stack">
      <div class="table-frame" tabindex="0" role="region" aria-label="The proof by sink and windows">
        <table class="table">
          <thead>
            <tr><th scope="col">Sink</th><th scope="col">Windows</th><th scope="col">Books and rows</th>
              <th scope="col" class="number">Events found</th>
              <th scope="col" class="number">Events expected</th>
              <th scope="col" class="number">On their way</th>
              <th scope="col" class="number">Rows compared</th></tr>
          </thead>
          <tbody>
            <tr><td>state</td><td>–</td>
              <td><${Tick} isEqual=${state_faults.length === 0} words="balanced" /></td>
              <td class="number">–</td><td class="number">–</td><td class="number">–</td>
              <td class="number">–</td></tr>
            ${sinks.map((proof) => html`<${SinkRows} key=${proof.sink} proof=${proof} />`)}
            ${not_compared.map((sink) =>
              html`
                <tr key=${sink}>
                  <td>${sink}</td>
                  <td>–</td>
                  <td>
                    <${Mark} tone="idle">not compared<//></td>
                  <td class="number">–</td><td class="number">–</td><td class="number">–</td>
                  <td class="number">–</td></tr>
              `
            )}
          </tbody>
        </table>
      </div>
      <${Sentences} title="In the state" sentences=${state_faults} />
      ${sinks.map((proof) =>
        html`
          <${Sentences} key=${proof.sink} title=${`In ${proof.sink}`} sentences=${sentencesOf(proof)} />
        `
      )}
      <${Sentences} title="Lost"
        sentences=${losses.map(({ count, unit, what }) => `${countOf(count, unit)} ${what}`)} />
    </div>
  `;
}

function SinkRows({ proof }: { readonly proof: SinkProof }): VNode {
  const { difference_count, expected_events, failure, found_events, rows_compared, rows_since, sink } = proof;
  const [tone, word]: [Tone, string] = failure !== null
    ? ["bad", "not read"]
    : difference_count > 0
    ? ["bad", "different"]
    : ["good", "equal"];
  const figure = (count: number | null) => count === null || failure !== null ? "–" : countText(count);
  return html`
    <tr>
      <th scope="row" rowspan=${1 + proof.tiers.length}>${sink}</th>
      <td>all</td>
      <td>
        <${Mark} tone=${tone}>${word}<//></td>
      <td class="number">${figure(found_events)}</td><td class="number">${figure(expected_events)}</td>
      <td class="number">${figure(proof.waiting_events)}</td>
      <td class="number">${figure(rows_compared)}${rows_since !== null &&
        html`<span>, from <${Moment} seconds=${rows_since} /> on</span>`}</td>
    </tr>
    ${proof.tiers.map((tier) =>
      html`
        <tr key=${tier.window_seconds}>
          <td>${durationText(tier.window_seconds)}</td>
          <td>
            <${Tick} isEqual=${tier.is_equal} words="equal" />
          </td>
          <td class="number">${countText(tier.found_events)}</td>
          <td class="number">–</td>
          <td class="number">–</td>
          <td class="number">–</td>
        </tr>
      `
    )}
  `;
}

function Tick({ isEqual, words }: { readonly isEqual: boolean; readonly words: string }): VNode {
  return html`<${Mark} tone=${isEqual ? "good" : "bad"}>${isEqual ? words : "different"}<//>`;
}

function sentencesOf({ difference_count, differences, failure, refused_events, sink }: SinkProof): string[] {
  const hidden = difference_count - differences.length;
  return [
    ...(failure === null ? [] : [`${sink} could not be read: ${failure.message}`]),
    ...differences,
    ...(hidden > 0 ? [`and ${countText(hidden)} more; verify shows them`] : []),
    ...(refused_events > 0 ? [`${countText(refused_events)} events are in aggregates that it rejected`] : []),
  ];
}

function Sentences({ sentences, title }: { sentences: readonly string[]; title: string }): VNode | null {
  if (sentences.length === 0) return null;
  return html`
    <div>
      <h3>${title}</h3>
      <ul class="sentences">${sentences.map((sentence) => html`<li key=${sentence}>${sentence}</li>`)}</ul>
    </div>
  `;
}
