import type { VNode } from "preact";
import { html } from "../html.ts";
import { Mark } from "../mark.ts";
import { Moment } from "../moment.ts";
import { Empty } from "../notices.ts";
import { OrderButton } from "../orders/order_button.ts";
import { usePage } from "../page_context.ts";
import { mayChange } from "../standing.ts";
import type { LastProof, Proofs } from "./proof.ts";
import { SinkProofs } from "./sink_proofs.ts";

interface ProofCardProps {
  readonly proofs: Proofs;
  /** Called when a proof was begun. */
  readonly onBegun: () => void;
}

/** The last proof, and a way to begin another one. It says what `verify` said, and of when. */
export function ProofCard({ onBegun, proofs: { last, running } }: ProofCardProps): VNode {
  const { api, standing } = usePage();
  const prove = async () => {
    await api.post("verify");
    onBegun();
    return "begun";
  };
  return html`
    <section class="card stack" aria-labelledby="proof-heading">
      <h2 id="proof-heading">Proof</h2>
      ${last === undefined
        ? html`
          <${Empty} title="The books were not proven yet.">
            <p>${mayChange(standing)
              ? "Prove them now: the books are compared with what the sinks hold."
              : "An admin can prove them here; the command verify does the same."}</p>
            <//>
        `
        : html`<${Last} last=${last} />`}
      <div class="actions">
        <${OrderButton} label="Prove now" isBusy=${running !== undefined} carryOut=${prove} />
        <p role="status">${running !== undefined &&
          html`<${Mark} tone="idle">Proving: ${running.progress || "the books are read"}<//>`}</p>
      </div>
    </section>
  `;
}

function Last({ last: { at, by, proven, result, subject, verdict } }: { readonly last: LastProof }): VNode {
  return html`
    <div class="stack">
      <p class="verdict">
        <${Mark} tone=${proven ? "good" : "bad"}>${verdict}<//></p>
      <p class="hint">
        As of <${Moment} seconds=${at} />, about ${subject}, ordered by ${by}.
        ${result === undefined && " Its details are not kept over a restart."}
      </p>
      ${result !== undefined && html`<${SinkProofs} result=${result} />`}
    </div>
  `;
}
