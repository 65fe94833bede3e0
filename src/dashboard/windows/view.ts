import type { View } from "../view.ts";
import { WindowsView } from "./windows_view.ts";

export const WINDOWS: View = { path: "windows", title: "Windows", component: WindowsView };
