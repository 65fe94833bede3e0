import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Api } from "./api.ts";
import type { LiveStream } from "./live_stream.ts";
import type { Standing } from "./standing.ts";

/** What every part of the page stands on. */
export interface Page {
  readonly api: Api;
  readonly live: LiveStream;
  readonly standing: Standing;
}

export const PageContext = createContext<Page | undefined>(undefined);

/** What the page stands on. Only for components that are shown after the sign-in. */
export function usePage(): Page {
  return useContext(PageContext)!;
}
