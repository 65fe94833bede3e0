import type { EventTexts } from "../../src/settings/declaration.ts";

/** No mapping: records are events as they are. */
export const NO_EVENT_TEXTS: EventTexts = {
  format: undefined,
  name: undefined,
  value: undefined,
  timestamp: undefined,
  timeUnit: undefined,
  function: undefined,
  id: undefined,
  labels: undefined,
};
