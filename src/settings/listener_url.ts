import * as z from "zod";
import { maskRefused } from "./mask.ts";
import { httpUrlProblem } from "./http_url.ts";
import { type ValueType } from "./value_type.ts";

/**
 * The address of an HTTP server, without credentials.
 *
 * @param insteadOfCredentials What to do without them, to end the sentence.
 */
export function httpUrl(insteadOfCredentials: string): ValueType<string> {
  return {
    placeholder: "<url>",
    allowed: "http:// or https:// with host and port, such as https://plant-7:8090",
    schema: z.string().superRefine((text, context) => {
      const url = URL.parse(text);
      const problem = httpUrlProblem(text) ??
        (url!.username + url!.password === "" ? undefined : `has credentials; ${insteadOfCredentials}`) ??
        (url!.pathname === "/" ? undefined : "has a path");
      if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
    }),
    maskRefused,
  };
}
