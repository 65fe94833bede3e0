import type { z } from "zod";
import type { JOB, ProofResult } from "../../api/job_endpoints.ts";
import type { AuditLine } from "../audit/audit_line.ts";

type Job = z.infer<typeof JOB>;

/** What is known of the proofs of the books. Times are Unix seconds. */
export interface Proofs {
  /** The one that runs; undefined: none does. */
  readonly running: Job | undefined;
  /** The last one that has ended; undefined: there was none. */
  readonly last: LastProof | undefined;
}

export interface LastProof {
  readonly at: number;
  readonly by: string;
  /** The last line of `verify`, or why there is none. */
  readonly verdict: string;
  readonly proven: boolean;
  /** What it was about, in words: everything, or a span. */
  readonly subject: string;
  /** Undefined: it is from before the last start, and only its verdict is kept; or it failed. */
  readonly result: ProofResult | undefined;
}

/** The proofs by the handler's jobs, and, for those from before its last start, by its audit. */
export function proofsOf(jobs: readonly Job[], orders: readonly AuditLine[]): Proofs {
  const proofs = jobs.filter(({ kind }) => kind === "verify");
  const running = proofs.find(({ state }) => state === "running");
  const ended = proofs.find(({ ended_at }) => ended_at !== null);
  return { running, last: ended === undefined ? lastIn(orders) : lastOf(ended) };
}

function lastOf({ by, ended_at, error, result, subject }: Job): LastProof {
  const proof = (result ?? undefined) as unknown as ProofResult | undefined;
  return {
    at: ended_at!,
    by,
    subject,
    verdict: proof?.verdict ?? `NOT PROVEN: the proof was broken off: ${error}`,
    proven: proof?.proven ?? false,
    result: proof,
  };
}

function lastIn(orders: readonly AuditLine[]): LastProof | undefined {
  const line = orders.find(({ action, result }) => action === "verify" && result !== null);
  if (line === undefined) return undefined;
  const { at, detail: subject, result, who: by } = line;
  return { at, by, subject, verdict: result!, proven: /^PROVEN\b/.test(result!), result: undefined };
}
