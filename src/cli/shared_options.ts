import { httpUrl } from "../settings/listener_url.ts";
import { single, toggle } from "./option.ts";

/** Settings of a command that works on a state. */
export const STATE_VARIABLES = ["STATE_DIR", "INSTANCE_ID", "LOG_LEVEL", "LOG_FORMAT"] as const;

export const JSON_OUTPUT = toggle("--json", "print JSON for programs");

export const JSON_LINES = toggle("--json", "JSON lines for programs, also on a terminal");

/** Settings of a command that asks the admin listener. */
export const LISTENER_VARIABLES = ["HTTP_LISTEN", "VIEWER_TOKEN", "ADMIN_TOKEN", "HTTP_CERT_FILE"] as const;

export const LISTENER_URL = single(
  "--url",
  httpUrl("a token comes from VIEWER_TOKEN"),
  "the admin listener to ask, instead of that of HTTP_LISTEN on this host",
);
