import * as z from "zod";
import type { Installation } from "../control/installation.ts";
import { newestOrders } from "../control/orders.ts";
import { AUDIT_MAX_LINES } from "../state/audit.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { ordering } from "./order_errors.ts";

/** An order and what came of it. */
export const AUDIT_LINE = z.strictObject({
  at: z.number(),
  who: z.string(),
  action: z.string(),
  detail: z.string(),
  /** Null: it is not carried out yet. */
  result: z.string().nullable(),
});

/** Who has ordered what, as `status --audit` shows it. */
export function auditEndpoint(installation: () => Installation): Endpoint {
  return endpoint({
    method: "GET",
    path: "/api/audit",
    role: "viewer",
    summary: "operators' orders, newest first",
    query: z.strictObject({
      /** How many at most. */
      limit: z.string().regex(/^[1-9]\d{0,3}$/, `is not a number from 1 to ${AUDIT_MAX_LINES}`).transform(
        Number,
      )
        .refine((limit) => limit <= AUDIT_MAX_LINES, `is not a number from 1 to ${AUDIT_MAX_LINES}`)
        .optional(),
    }),
    reply: z.strictObject({
      orders: z.array(AUDIT_LINE),
    }),
    errorStatuses: [503],
    answer: ({ query: { limit } }) =>
      ordering(() => ({
        orders: newestOrders(installation().config.stateDir, limit).map(({ atMs, result, ...order }) => ({
          ...order,
          at: atMs / 1000,
          result: result ?? null,
        })),
      })),
  });
}
