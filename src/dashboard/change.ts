import { useEffect, useRef } from "preact/hooks";

/** Does something whenever a text has changed, but not at first. */
export function useChange(work: () => void, text: string): void {
  const latest = useRef(work);
  latest.current = work;
  const seen = useRef(text);
  useEffect(() => {
    if (seen.current === text) return;
    seen.current = text;
    latest.current();
  }, [text]);
}
