import type { View } from "../view.ts";
import { Overview } from "./overview.ts";

export const OVERVIEW: View = { path: "", title: "Overview", component: Overview };
