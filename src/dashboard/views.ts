import { ALARMS } from "./alarms/view.ts";
import { AUDIT } from "./audit/view.ts";
import { BOOKS } from "./books/view.ts";
import { DEAD_LETTERS } from "./dead_letters/view.ts";
import { HISTORY } from "./history/view.ts";
import { OVERVIEW } from "./overview/view.ts";
import { SERIES } from "./series/view.ts";
import type { View } from "./view.ts";
import { WINDOWS } from "./windows/view.ts";

/** The views in the order of the navigation. */
export const VIEWS: readonly View[] = [
  OVERVIEW,
  HISTORY,
  WINDOWS,
  SERIES,
  DEAD_LETTERS,
  BOOKS,
  ALARMS,
  AUDIT,
];
