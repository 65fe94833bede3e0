import type { z } from "zod";
import type { AUDIT_LINE } from "../../api/audit_endpoint.ts";

/** An operator's order and what came of it. */
export type AuditLine = z.infer<typeof AUDIT_LINE>;
