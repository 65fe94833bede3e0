import * as z from "zod";
import type { ValueType } from "../settings/value_type.ts";

const ACTS = 4;
const NONE = "none";

/** The acts of the demo, by their numbers from 1. */
export function actNumbers(): ValueType<readonly number[]> {
  return {
    placeholder: "<numbers>",
    allowed: `numbers from 1 to ${ACTS} with commas between them, or ${NONE}`,
    schema: z.string().transform((text, context) => {
      if (text.toLowerCase() === NONE) return [];
      const numbers = text.split(",").map((part) => part.trim());
      const wrong = numbers.find((part) => !/^\d+$/.test(part) || Number(part) < 1 || Number(part) > ACTS);
      if (wrong === undefined) return numbers.map(Number);
      context.addIssue({ code: "custom", message: `names "${wrong}", which is no act` });
      return z.NEVER;
    }),
  };
}
