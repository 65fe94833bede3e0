import * as z from "zod";
import { audited } from "../control/audited.ts";
import type { Installation } from "../control/installation.ts";
import type { Job, Jobs } from "../control/jobs.ts";
import type { Proof } from "../control/proof.ts";
import { assertProvingPossible, prove } from "../control/proving.ts";
import { redeliver, redeliverable, type RedeliveryOrder } from "../control/redelivery.ts";
import { verdictOf } from "../control/verdict.ts";
import { giveWay } from "../platform/clock/steps.ts";
import { amount } from "../platform/log/amount.ts";
import { END_OF_TIME_MS } from "../state/outbox/redelivery.ts";
import { actorOf } from "./actor.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { ORDER_ERRORS, ordering } from "./order_errors.ts";

/** A job that computes gives way to reading and delivering this often. */
const TURN_MS = 10;

/** The field of an order that leaves old rows out. */
const SINCE = '"since" of /api/verify';
const NO_QUERY = z.strictObject({});
/** Unix seconds. */
const TIME = z.number().min(0).max(END_OF_TIME_MS / 1000);

/** A job as `/api/jobs` tells of it. */
export const JOB = z.strictObject({
  id: z.int(),
  kind: z.enum(["verify", "redeliver"]),
  subject: z.string(),
  by: z.string(),
  started_at: z.number(),
  ended_at: z.number().nullable(),
  state: z.enum(["running", "done", "failed"]),
  /** How far it is, in words. */
  progress: z.string(),
  /** What came of it; null: nothing yet, or it failed. */
  result: z.record(z.string(), z.unknown()).nullable(),
  error: z.string().nullable(),
});

/** The result of a job that has proven the books. */
export interface ProofResult extends Proof {
  /** The proof in one sentence, as `verify` ends with it. */
  readonly verdict: string;
  /** The sinks that were left out. */
  readonly not_compared: readonly string[];
}

/** Jobs of the running handler: the proof of the books, and redeliveries. */
export function jobEndpoints(installation: () => Installation, jobs: Jobs): Endpoint[] {
  return [
    endpoint({
      method: "GET",
      path: "/api/jobs",
      role: "viewer",
      summary: "the jobs that run and the last that have ended, newest first",
      query: NO_QUERY,
      reply: z.strictObject({ jobs: z.array(JOB) }),
      answer: () => ({ jobs: jobs.all.map(jobRecord) }),
    }),
    endpoint({
      method: "POST",
      path: "/api/verify",
      role: "admin",
      summary: "proves the books against the sinks, as a job",
      query: NO_QUERY,
      body: z.strictObject({
        /** Only windows that start then or later; left out: all, and the sums over all rows. */
        since: TIME.optional(),
        /** Kinds of sinks that are read although that means reading everything in them, such as kafka. */
        scan: z.array(z.string()).max(20).optional(),
      }),
      reply: JOB,
      status: 202,
      errorStatuses: ORDER_ERRORS,
      answer: ({ body: { since, scan = [] }, caller }) =>
        ordering(() => {
          const who = actorOf(caller);
          const sinceMs = since === undefined ? undefined : Math.round(since * 1000);
          const order = { sinceMs, scanned: scan };
          assertProvingPossible(order, installation());
          const subject = since === undefined ? "everything" : `windows from ${since} on`;
          return jobRecord(
            jobs.start({ kind: "verify", sink: undefined, subject, who }, (tell, signal) =>
              proven(who, subject, order, installation(), tell, signal)),
          );
        }),
    }),
    endpoint({
      method: "POST",
      path: "/api/redeliver",
      role: "admin",
      summary: "sends a sink the aggregates of a span again, and proves the span, as a job",
      query: NO_QUERY,
      body: z.strictObject({
        sink: z.string().min(1).max(200),
        since: TIME,
        /** Left out: to the newest. */
        until: TIME.optional(),
        /** Whether a sink that cannot overwrite may have them twice. */
        allow_duplicates: z.boolean().optional(),
      }),
      reply: JOB,
      status: 202,
      errorStatuses: ORDER_ERRORS,
      answer: ({ body: { sink, since, until, allow_duplicates = false }, caller }) =>
        ordering(async () => {
          const who = actorOf(caller);
          const untilMs = until === undefined ? END_OF_TIME_MS : Math.round(until * 1000);
          const span = { sinceMs: Math.round(since * 1000), untilMs };
          const order = { sink, span, allowsDuplicates: allow_duplicates };
          await redeliverable(order, installation());
          const subject = `${sink} from ${since}${until === undefined ? "" : ` to ${until}`}`;
          return jobRecord(
            jobs.start(
              { kind: "redeliver", sink, subject, who },
              (tell, signal) => redelivered(who, order, installation(), tell, signal),
            ),
          );
        }),
    }),
  ];
}

type Telling = (progress: string) => void;

async function proven(
  who: string,
  subject: string,
  order: Parameters<typeof prove>[1],
  installation: Installation,
  tell: Telling,
  signal: AbortSignal,
) {
  let turnAtMs = performance.now();
  const onWindow = async (sink: string, compared: number) => {
    if (performance.now() - turnAtMs < TURN_MS) return;
    tell(`${sink}: ${amount(compared, "window")} compared`);
    await giveWay();
    signal.throwIfAborted();
    turnAtMs = performance.now();
  };
  return await audited(who, { action: "verify", detail: subject }, installation.config.stateDir, async () => {
    const { proof, unread } = await prove(who, order, installation, signal, onWindow);
    const scope = { unread, isPart: order.sinceMs !== undefined, lossesAt: "", sinceName: SINCE };
    const verdict = verdictOf(proof, scope);
    const value: ProofResult = { verdict, ...proof, not_compared: unread.map(({ sink }) => sink) };
    return { result: verdict, value };
  });
}

async function redelivered(
  who: string,
  order: RedeliveryOrder,
  installation: Installation,
  tell: Telling,
  signal: AbortSignal,
) {
  const { leftover, proof, sent, stock } = await redeliver(
    who,
    order,
    installation,
    signal,
    (rows) => tell(`${rows} rows sent`),
  );
  return { rows_sent: sent, windows: stock.windows, leftover: leftover ?? null, proof: proof ?? null };
}

function jobRecord({ endedMs, error, result, sink: _, startedMs, who, ...job }: Job) {
  return {
    ...job,
    by: who,
    started_at: startedMs / 1000,
    ended_at: endedMs === undefined ? null : endedMs / 1000,
    result: (result ?? null) as Record<string, unknown> | null,
    error: error ?? null,
  };
}
