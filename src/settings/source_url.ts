import { z } from "zod";
import type { SourceDeclaration } from "./declaration.ts";
import { maskRefused, maskUrl } from "./mask.ts";
import type { ValueType } from "./value_type.ts";

/** A bus of `VABUS_URL`. */
export interface SourceUrl {
  /** Of the connector that its scheme selects. */
  readonly kind: string;
  /** May hold credentials. */
  readonly url: string;
}

/** One URL or several with commas, none twice; the scheme of each selects the connector. */
export function sourceUrls(sources: readonly SourceDeclaration[]): ValueType<readonly SourceUrl[]> {
  const schemes = sources.flatMap(({ schemes: { plain, tls } }) => [...plain, ...tls]);
  const connectorOf = (url: string) => {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";
    return sources.find(({ schemes: { plain, tls } }) => [...plain, ...tls].includes(scheme));
  };
  // A comma followed by no scheme is a part of a URL, such as that between the brokers of a cluster.
  const partsOf = (text: string) =>
    text.split(new RegExp(`,(?=\\s*(?:[a-z][a-z0-9+.-]*://|(?:${schemes.join("|")}):))`, "i"))
      .map((part) => part.trim());
  const read = (part: string): SourceUrl | { readonly problem: string } => {
    const connector = connectorOf(part);
    if (connector === undefined) {
      return { problem: `has a part that does not begin with ${beginnings(schemes)}` };
    }
    const url = connector.readUrl(part);
    return typeof url === "string" ? { kind: connector.kind, url } : url;
  };
  const addresses = (urls: readonly SourceUrl[]) =>
    new Set(urls.map(({ url }) => connectorOf(url)!.addressOf(url)));
  return {
    placeholder: "<url,…>",
    allowed: `${sources.map(({ urlForm }) => urlForm).join("; ")}, several with commas`,
    schema: z.string().transform((text, context) => {
      const found = partsOf(text).map(read);
      const wrong = found.find((one) => "problem" in one);
      if (wrong === undefined) return found as readonly SourceUrl[];
      context.addIssue({ code: "custom", message: wrong.problem });
      return z.NEVER;
    }).refine((urls) => addresses(urls).size === urls.length, "names a bus twice"),
    mask: (text) =>
      partsOf(text).map((url) => maskUrl(url, (name) => connectorOf(url)?.isOpenParameter?.(name) === true))
        .join(","),
    maskRefused,
  };
}

function beginnings(schemes: readonly string[]): string {
  return schemes.map((scheme) => `${scheme}://`).join(", ").replace(/, (?=[^,]*$)/, " or ");
}
