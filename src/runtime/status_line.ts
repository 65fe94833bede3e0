import { amount } from "../platform/log/amount.ts";
import type { LiveOverview } from "./overview.ts";
import { alarmsOf, causesOf } from "./readiness.ts";

/** The state of a handler in one line, for the service manager. */
export function statusLine(overview: LiveOverview): string {
  const causes = causesOf(overview);
  const figures = `${amount(overview.openWindows, "open window")}, ${
    amount(overview.outboxRows, "aggregate waits", "aggregates wait")
  }`;
  const findings = [...causes, ...alarmsOf(overview)].map(({ name, detail }) => `${name} (${detail})`);
  return [causes.length === 0 && "works", ...findings, figures].filter(Boolean).join("; ");
}
