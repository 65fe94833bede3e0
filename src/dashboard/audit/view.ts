import type { View } from "../view.ts";
import { Audit } from "./audit.ts";

export const AUDIT: View = { path: "audit", title: "Audit", component: Audit };
