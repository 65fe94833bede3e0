import type { View } from "../view.ts";
import { HistoryView } from "./history_view.ts";

export const HISTORY: View = { path: "history", title: "History", component: HistoryView };
