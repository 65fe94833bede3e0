import type { z } from "zod";
import type { READINESS } from "../api/health_endpoints.ts";

/** Whether events go in and aggregates out, and why not. */
export type Readiness = z.infer<typeof READINESS>;
