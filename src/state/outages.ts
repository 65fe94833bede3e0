import type { StateDatabase } from "./file/state_database.ts";

/** A bus or sink that cannot be reached for some time. */
export interface Outage {
  /** `bus http://bus:8000`, `sink kafka`. */
  readonly subject: string;
  /** The last reason. */
  readonly detail: string;
  /** When the first attempt failed, Unix ms. */
  readonly sinceMs: number;
}

/** Why a bus or sink fails now, and since when, Unix ms. */
export type Failure = Pick<Outage, "detail" | "sinceMs">;

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
 * Stores which buses and sinks fail now. An outage begins with the first failure, also where that was before
 * the process started, and ends when its subject no longer fails. Returns the outages to report now, which is
 * after an hour and then once a day, and the reported ones that are over.
 *
 * @param failing By subject.
 * @param untried Subjects of which it is not known yet: their outages go on.
 * @throws {StateError}
 */
export function noteOutages(
  state: StateDatabase,
  failing: ReadonlyMap<string, Failure>,
  untried: ReadonlySet<string>,
  nowMs: number,
): { readonly due: readonly Outage[]; readonly over: readonly Outage[] } {
  const before = rowsOf(state);
  const ended = before.filter(({ place }) => !failing.has(place) && !untried.has(place));
  if (failing.size === 0 && ended.length === 0) return { due: [], over: [] };
  const rows = [...failing].map(([place, { detail, sinceMs }]): OutageRow => {
    const known = before.find((row) => row.place === place);
    return { place, detail, since_ms: known?.since_ms ?? sinceMs, told_ms: known?.told_ms ?? null };
  });
  const due = rows.filter((row) =>
    nowMs - row.since_ms >= LONG_MS && nowMs - (row.told_ms ?? -Infinity) >= AGAIN_MS
  );
  for (const row of due) row.told_ms = nowMs;
  state.transaction(() => {
    for (const { place } of ended) state.run("DELETE FROM outage WHERE place = ?", place);
    for (const { place, detail, since_ms, told_ms } of rows) {
      state.run("INSERT OR REPLACE INTO outage VALUES (?, ?, ?, ?)", place, detail, since_ms, told_ms);
    }
  });
  const over = ended.filter(({ told_ms }) => told_ms !== null);
  return { due: due.map(toOutage), over: over.map(toOutage) };
}

function rowsOf(state: StateDatabase): OutageRow[] {
  return state.all<OutageRow>("SELECT place, detail, since_ms, told_ms FROM outage ORDER BY place");
}

function toOutage({ place: subject, detail, since_ms: sinceMs }: OutageRow): Outage {
  return { subject, detail, sinceMs };
}
