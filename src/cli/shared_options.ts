import { toggle } from "./option.ts";

/** Settings of a command that works on a state. */
export const STATE_VARIABLES = ["STATE_DIR", "INSTANCE_ID", "LOG_LEVEL", "LOG_FORMAT"] as const;

export const JSON_OUTPUT = toggle("--json", "print JSON for programs");
