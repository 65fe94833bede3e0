import type { StateDatabase } from "./file/state_database.ts";

/** A bus or sink that cannot be reached for some time. */
export interface Outage {
  /** `bus http://bus:8000`, `sink kafka`. */
  readonly subject: string;
  /** The last reason. */
  readonly detail: string;
  /** Unix ms. */
  readonly sinceMs: number;
}

/** An outage is reported after the first of these times, and again each time the second has passed. */
const LONG_MS = 3600_000;
const AGAIN_MS = 86_400_000;

interface OutageRow {
  place: string;
  detail: string;
  since_ms: number;
  told_ms: number | null;
}

/** The outages at the last check. @throws {StateError} */
export function readOutages(state: StateDatabase): Outage[] {
  return rowsOf(state).map(toOutage);
}

/**
 * Stores which buses and sinks fail now, with the reasons. An outage begins when it is first stored, and ends
 * when its subject no longer fails. Returns the outages to report now, which is after an hour and then once a
 * day, and the reported ones that are over.
 *
 * @throws {StateError}
 */
export function noteOutages(
  state: StateDatabase,
  failing: ReadonlyMap<string, string>,
  nowMs: number,
): { readonly due: readonly Outage[]; readonly over: readonly Outage[] } {
  const before = rowsOf(state);
  if (failing.size === 0 && before.length === 0) return { due: [], over: [] };
  const rows = [...failing].map(([place, detail]): OutageRow => {
    const known = before.find((row) => row.place === place);
    return { place, detail, since_ms: known?.since_ms ?? nowMs, told_ms: known?.told_ms ?? null };
  });
  const due = rows.filter((row) =>
    nowMs - row.since_ms >= LONG_MS && nowMs - (row.told_ms ?? -Infinity) >= AGAIN_MS
  );
  for (const row of due) row.told_ms = nowMs;
  state.transaction(() => {
    for (const { place } of before) {
      if (!failing.has(place)) state.run("DELETE FROM outage WHERE place = ?", place);
    }
    for (const { place, detail, since_ms, told_ms } of rows) {
      state.run("INSERT OR REPLACE INTO outage VALUES (?, ?, ?, ?)", place, detail, since_ms, told_ms);
    }
  });
  const over = before.filter(({ place, told_ms }) => told_ms !== null && !failing.has(place));
  return { due: due.map(toOutage), over: over.map(toOutage) };
}

function rowsOf(state: StateDatabase): OutageRow[] {
  return state.all<OutageRow>("SELECT place, detail, since_ms, told_ms FROM outage ORDER BY place");
}

function toOutage({ place: subject, detail, since_ms: sinceMs }: OutageRow): Outage {
  return { subject, detail, sinceMs };
}
