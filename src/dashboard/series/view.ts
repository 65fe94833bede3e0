import type { View } from "../view.ts";
import { SeriesView } from "./series_view.ts";

export const SERIES: View = { path: "series", title: "Series", component: SeriesView };
