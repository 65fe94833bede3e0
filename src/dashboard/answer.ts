import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiFailure, Parameters } from "./api.ts";
import { usePage } from "./page_context.ts";

/** What is known of the answer to a question. */
export interface Answer<T> {
  /** The newest answer, also of an earlier question while the present one waits; undefined: none yet. */
  readonly value: T | undefined;
  /** Why the last attempt failed; undefined: it did not. */
  readonly failure: ApiFailure | undefined;
  readonly isWaiting: boolean;
  /** Asks again. */
  readonly again: () => void;
}

/**
 * Asks the handler, and again when path or parameters change.
 *
 * @param path Below `/api`; undefined: nothing is asked.
 */
export function useAnswer<T>(path: string | undefined, parameters: Parameters = {}): Answer<T> {
  const { api } = usePage();
  const [round, setRound] = useState(0);
  const [state, setState] = useState<Omit<Answer<T>, "again">>({
    value: undefined,
    failure: undefined,
    isWaiting: path !== undefined,
  });
  const asked = useRef(parameters);
  asked.current = parameters;
  useEffect(() => {
    if (path === undefined) return;
    const leaving = new AbortController();
    setState(({ value, failure }) => ({ value, failure, isWaiting: true }));
    api.get<T>(path, asked.current, leaving.signal).then(
      (value) => setState({ value, failure: undefined, isWaiting: false }),
      (failure) => {
        if (!leaving.signal.aborted) setState(({ value }) => ({ value, failure, isWaiting: false }));
      },
    );
    return () => leaving.abort();
  }, [api, path, JSON.stringify(parameters), round]);
  return { ...state, again: () => setRound(round + 1) };
}
