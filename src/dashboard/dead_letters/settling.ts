import { useState } from "preact/hooks";
import { ApiFailure } from "../api.ts";
import { useEvery } from "../every.ts";
import { usePage } from "../page_context.ts";
import type { Reason } from "./dead_letter.ts";
import { isFulfilled, progressOf, settle, type Settlement } from "./settlement.ts";

/** What came of the newest request for the dead letters of a reason. */
export interface Settled {
  readonly settlement?: Settlement | undefined;
  /** Why it was not done; left out: it was. */
  readonly failure?: string;
}

/** The requests that were made on this page. They outlive the dead letters, which a purge takes away. */
export interface Settling {
  readonly settled: ReadonlyMap<Reason, Settled>;
  readonly give: (action: Settlement["action"], reason: Reason) => void;
}

const ASK_MS = 1000;

/** Leaves requests, and follows them until they are fulfilled. */
export function useSettling(): Settling {
  const { api } = usePage();
  const [settled, setSettled] = useState<ReadonlyMap<Reason, Settled>>(new Map());
  const follow = async (reason: Reason, next: Promise<Settlement>) => {
    const set = (change: Settled) =>
      setSettled((all) =>
        new Map([...all, [reason, { settlement: all.get(reason)?.settlement, ...change }]])
      );
    try {
      set({ settlement: await next });
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      set({ failure: error.message });
    }
  };
  const running = [...settled].flatMap(([reason, { settlement }]) =>
    settlement && !isFulfilled(settlement) ? [{ reason, settlement }] : []
  );
  useEvery(running.length > 0 ? ASK_MS : undefined, () => {
    for (const { reason, settlement } of running) void follow(reason, progressOf(api, settlement));
  });
  return { settled, give: (action, reason) => void follow(reason, settle(api, action, reason)) };
}
