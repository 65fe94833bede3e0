import { useEffect, useRef } from "preact/hooks";

/**
 * Does something again and again while the page is seen, and when it is seen again.
 *
 * @param milliseconds Undefined: it rests.
 */
export function useEvery(milliseconds: number | undefined, work: () => void): void {
  const latest = useRef(work);
  latest.current = work;
  useEffect(() => {
    if (milliseconds === undefined) return;
    const tick = () => {
      if (!document.hidden) latest.current();
    };
    const timer = setInterval(tick, milliseconds);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }, [milliseconds]);
}
