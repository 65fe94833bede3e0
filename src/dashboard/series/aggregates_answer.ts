import { useEffect, useState } from "preact/hooks";
import type { AggregatesPage } from "../../api/aggregates_endpoint.ts";
import type { Api, ApiFailure, Parameters } from "../api.ts";
import { usePage } from "../page_context.ts";

/** Pages of one answer. What they hold is what a chart can show and a browser bears. */
const PAGES_MAX = 20;
const PAGE_LIMIT = 2000;

export interface Aggregates {
  readonly aggregates: AggregatesPage["aggregates"];
  /** Why some may be missing, each reason once. */
  readonly lacks: readonly string[];
  /** Whether the end of the span is left out, since there are too many. */
  readonly isCut: boolean;
}

export interface AggregatesAnswer {
  readonly value: Aggregates | undefined;
  readonly failure: ApiFailure | undefined;
}

/** Asks for all pages of the aggregates of a series, and again when parameters or `round` change. */
export function useAggregates(parameters: Parameters, round: number): AggregatesAnswer {
  const { api } = usePage();
  const [answer, setAnswer] = useState<AggregatesAnswer>({ value: undefined, failure: undefined });
  const key = JSON.stringify(parameters);
  useEffect(() => setAnswer({ value: undefined, failure: undefined }), [key]);
  useEffect(() => {
    const leaving = new AbortController();
    pagesOf(api, parameters, leaving.signal).then(
      (value) => setAnswer({ value, failure: undefined }),
      (failure) => {
        if (!leaving.signal.aborted) setAnswer(({ value }) => ({ value, failure }));
      },
    );
    return () => leaving.abort();
  }, [api, key, round]);
  return answer;
}

async function pagesOf(api: Api, parameters: Parameters, signal: AbortSignal): Promise<Aggregates> {
  const { span, ...asked } = parameters;
  const from = Math.floor(Date.now() / 1000) - Number(span);
  const aggregates: AggregatesPage["aggregates"] = [];
  const lacks = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page++) {
    const query = { ...asked, from, revisions: "all", limit: PAGE_LIMIT, cursor };
    const { next, ...found } = await api.get<AggregatesPage>("aggregates", query, signal);
    aggregates.push(...found.aggregates);
    for (const { lack } of found.parts) if (lack !== null) lacks.add(lack);
    if (next === null) return { aggregates, lacks: [...lacks], isCut: false };
    cursor = next;
  }
  return { aggregates, lacks: [...lacks], isCut: true };
}
