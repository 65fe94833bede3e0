import { useEffect, useState } from "preact/hooks";
import type { Live } from "./live_stream.ts";
import { usePage } from "./page_context.ts";

/** What the handler has told, renewed with each word of it. */
export function useLive(): Live {
  const { live } = usePage();
  const [current, setCurrent] = useState(live.current);
  useEffect(() => {
    setCurrent(live.current);
    return live.follow(() => setCurrent(live.current));
  }, [live]);
  return current;
}
