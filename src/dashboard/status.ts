import type { z } from "zod";
import type { STATUS } from "../api/status_endpoint.ts";

/** What the state holds as of the last checkpoint. */
export type Status = z.infer<typeof STATUS>;
