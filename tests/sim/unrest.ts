import type { World } from "./world.ts";

/** What is still to be done in a world; undefined: nothing. */
export function unrest({ buses, model, stateFile, wall }: World): string | undefined {
  for (const bus of buses) {
    const { log, next } = model.book(bus.name).durable;
    const isBlank = log === undefined && bus.next === 0;
    if (!isBlank && (log !== bus.log || next !== bus.next)) return `${bus.name} is not read to its end`;
  }
  // This runs each second, so the state is not opened as the product opens it, which checks all of it.
  return stateFile.glance((state) => {
    const waiting = (what: string, sql: string) =>
      state.prepare(`SELECT 1 FROM ${sql} LIMIT 1`).get() === undefined ? undefined : what;
    return waiting("windows are open", `open_page_keys WHERE window_end_ms <= ${wall.nowMs}`) ??
      waiting("a request is unfulfilled", "wish") ??
      waiting("rows are to be sent again", "redelivery WHERE NOT done") ??
      waiting(
        "the outbox is not empty",
        "sink WHERE cursor < (SELECT value FROM account WHERE name = 'outbox_end_id')",
      );
  });
}
