import type { View } from "../view.ts";
import { DeadLetters } from "./dead_letters.ts";

export const DEAD_LETTERS: View = { path: "dead-letters", title: "Dead letters", component: DeadLetters };
