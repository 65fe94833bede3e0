import type { View } from "../view.ts";
import { Alarms } from "./alarms.ts";

export const ALARMS: View = { path: "alarms", title: "Alarms", component: Alarms };
