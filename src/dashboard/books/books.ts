import type { VNode } from "preact";
import type { z } from "zod";
import type { JOB } from "../../api/job_endpoints.ts";
import { useAnswer } from "../answer.ts";
import type { AuditLine } from "../audit/audit_line.ts";
import { html } from "../html.ts";
import { useLive } from "../live_feed.ts";
import { FailureNotice } from "../notices.ts";
import { useChange } from "../change.ts";
import { useEvery } from "../every.ts";
import { Equation } from "./equation.ts";
import { proofsOf } from "./proof.ts";
import { ProofCard } from "./proof_card.ts";

/** How often a proof that runs is asked for. */
const ASK_MS = 1000;

/** What was received and what became of it, and whether it is proven. */
export function Books(): VNode {
  const jobs = useAnswer<{ jobs: z.infer<typeof JOB>[] }>("jobs");
  const audit = useAnswer<{ orders: AuditLine[] }>("audit", { limit: 1000 });
  const { status } = useLive();
  const proofs = jobs.value && audit.value && proofsOf(jobs.value.jobs, audit.value.orders);
  useEvery(proofs?.running === undefined ? undefined : ASK_MS, jobs.again);
  // Somebody else may have begun one.
  useChange(jobs.again, JSON.stringify(status?.audit));
  const failed = [jobs, audit].find(({ failure }) => failure !== undefined);
  return html`
    <div class="stack">
      ${failed && html`<${FailureNotice} failure=${failed.failure} again=${failed.again} />`}
      ${proofs && html`<${ProofCard} proofs=${proofs} onBegun=${jobs.again} />`}
      ${status && html`<${Equation} status=${status} />`}
    </div>
  `;
}
