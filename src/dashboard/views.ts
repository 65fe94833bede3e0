import { OVERVIEW } from "./overview/view.ts";
import type { View } from "./view.ts";

/** The views in the order of the navigation. */
export const VIEWS: readonly View[] = [OVERVIEW];
