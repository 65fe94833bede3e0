import type { AuditLine } from "../audit/audit_line.ts";
import type { Api } from "../api.ts";
import { countOf, countText } from "../number_format.ts";
import type { Reason } from "./dead_letter.ts";

/** A request to retry or purge dead letters. The handler fulfils it with its next checkpoints. */
export interface Settlement {
  readonly action: "retry" | "purge";
  readonly chosen: number;
  /** The time of its line in the audit; undefined: not found there. */
  readonly at: number | undefined;
  readonly settled: number;
}

/** Lines of the audit in which the request's own is looked for. */
const LINES = 50;

/** Leaves the request for all of a reason. */
export async function settle(api: Api, action: Settlement["action"], reason: Reason): Promise<Settlement> {
  const { chosen } = await api.post<{ chosen: number }>(`dead-letters/${action}`, { reason });
  const at = (await linesOf(api)).find((line) => isOf(line, action, chosen))?.at;
  return progressOf(api, { action, chosen, at, settled: 0 });
}

/** The same request as far as it is fulfilled now. */
export async function progressOf(api: Api, settlement: Settlement): Promise<Settlement> {
  const { action, at, chosen } = settlement;
  const line = (await linesOf(api)).find((line) => line.at === at && isOf(line, action, chosen));
  // The result is the sum of what is done, such as "8 retried".
  const settled = Number.parseInt(line?.result ?? "", 10);
  return Number.isNaN(settled) ? settlement : { ...settlement, settled };
}

/** Whether it needs to be followed no more. */
export function isFulfilled({ at, chosen, settled }: Settlement): boolean {
  return at === undefined || settled >= chosen;
}

/** How far the request is, in words. */
export function settlementText({ action, at, chosen, settled }: Settlement): string {
  const done = action === "retry" ? "retried" : "purged";
  if (chosen === 0) return "There was nothing to do";
  if (at === undefined) return `Requested for ${countOf(chosen, "dead letter")}`;
  if (settled < chosen) return `${countText(settled)} of ${countOf(chosen, "dead letter")} ${done}`;
  return `${countOf(settled, "dead letter")} ${done}` +
    (action === "retry" ? "; what is still wrong comes back as a dead letter" : "");
}

async function linesOf(api: Api): Promise<readonly AuditLine[]> {
  return (await api.get<{ orders: AuditLine[] }>("audit", { limit: LINES })).orders;
}

function isOf({ action, detail }: AuditLine, wanted: Settlement["action"], chosen: number): boolean {
  return action === `dead-letters ${wanted}` && Number.parseInt(detail, 10) === chosen;
}
