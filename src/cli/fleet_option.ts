import * as z from "zod";
import { httpUrl } from "../settings/listener_url.ts";
import { maskRefused } from "../settings/mask.ts";
import type { ValueType } from "../settings/value_type.ts";

/** Where an instance is found: its state, or its admin listener. */
export type FleetAddress = { readonly directory: string } | { readonly url: string };

/** Instances, separated by commas: directories and URLs. */
export function fleetAddresses(): ValueType<readonly FleetAddress[]> {
  return {
    placeholder: "<dir|url,…>",
    pathOf: "directory",
    allowed: "directories and URLs such as https://plant-7:8090, separated by commas",
    schema: z.string().transform((text, context): FleetAddress[] =>
      text.split(",").map((part) => part.trim()).map((part) => {
        if (part === "" || part.includes("\0")) {
          context.addIssue({ code: "custom", message: "names an instance by nothing" });
        }
        if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(part)) return { directory: part };
        const read = httpUrl("a token comes from VIEWER_TOKEN").schema.safeParse(part);
        if (!read.success) {
          context.addIssue({
            code: "custom",
            message: `${maskRefused(part)}: ${read.error.issues[0]!.message}`,
          });
        }
        return { url: part };
      })
    ),
    maskRefused: (text) => text.split(",").map(maskRefused).join(","),
  };
}
