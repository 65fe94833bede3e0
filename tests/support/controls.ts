import { EventTap } from "../../src/ingest/event_tap.ts";
import { SeriesTroubles } from "../../src/ingest/series_troubles.ts";
import type { Controls } from "../../src/runtime/controls.ts";
import { overviewWith } from "./overview.ts";

/** The controls of a handler that has seen nothing, with the given ones in their place. */
export function controlsWith(given: Partial<Controls> = {}): Controls {
  return {
    look: () => overviewWith(),
    alarms: () => [],
    tap: new EventTap(),
    troubles: new SeriesTroubles(),
    noneRules: () => [],
    parts: [],
    pauses: () => [],
    pause: () => {},
    flush: () => Promise.resolve(0),
    figures: () => [],
    reload: () => Promise.resolve({ changed: [], atStart: [] }),
    ...given,
  };
}
