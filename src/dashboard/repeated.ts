import { useEffect, useRef } from "preact/hooks";

/** Does something again and again while the component is shown. @param everyMs Undefined: it rests. */
export function useRepeated(work: () => void, everyMs: number | undefined): void {
  const latest = useRef(work);
  latest.current = work;
  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => latest.current(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}

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
