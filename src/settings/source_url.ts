import * as z from "zod";
import type { EventTexts, SourceDeclaration } from "./declaration.ts";
import { isEventParameter, partEvents } from "./event_texts.ts";
import { maskRefused, maskUrl } from "./mask.ts";
import { isNameParameter, partName, problemOf } from "./source_name.ts";
import type { ValueType } from "./value_type.ts";

/** A bus of `VABUS_URL`. */
export interface SourceUrl {
  /** The kind of the connector that its scheme selects. */
  readonly kind: string;
  /** May hold credentials. */
  readonly url: string;
  /** The operator's name for it; undefined: its address. It is no longer in `url`. */
  readonly name: string | undefined;
  /** The parameters about records that its URL had. They are no longer in `url`. */
  readonly events: Partial<EventTexts>;
}

/** The offset at which an operator wants to continue the event log of a bus. */
export interface BusOffset {
  /** The bus's name, or its address without credentials and trailing slash. */
  readonly bus: string;
  readonly offset: number;
}

/** One URL or several, separated by commas, none twice. The scheme of each selects the connector. */
export function sourceUrls(sources: readonly SourceDeclaration[]): ValueType<readonly SourceUrl[]> {
  const schemes = schemesOf(sources);
  const connectorOf = (url: string) => connectorFor(url, sources);
  // A comma without a scheme after it is a part of a URL, such as one between the brokers of a cluster.
  const partsOf = (text: string) =>
    text.split(new RegExp(`,(?=\\s*(?:[a-z][a-z0-9+.-]*://|(?:${schemes.join("|")}):))`, "i"))
      .map((part) => part.trim());
  const addresses = (urls: readonly SourceUrl[]) =>
    new Set(urls.map(({ url }) => connectorOf(url)!.addressOf(url)));
  return {
    placeholder: "<url,…>",
    allowed: `${sources.map(({ urlForm }) => urlForm).join("; ")}, several with commas`,
    schema: z.string().transform((text, context) => {
      const found = partsOf(text).map((part) => readUrl(part, sources));
      const wrong = found.find((one) => "problem" in one);
      if (wrong === undefined) return found as readonly SourceUrl[];
      context.addIssue({ code: "custom", message: wrong.problem });
      return z.NEVER;
    }).refine((urls) => addresses(urls).size === urls.length, "names a bus twice")
      .refine((urls) => {
        const names = urls.flatMap(({ name }) => name ?? []);
        return new Set(names).size === names.length;
      }, "gives two buses the same name (source=)"),
    mask: (text) =>
      partsOf(text).map((url) =>
        maskUrl(
          url,
          (name) =>
            isNameParameter(name) || isEventParameter(name) ||
            connectorOf(url)?.isOpenParameter?.(name) === true,
        )
      )
        .join(","),
    maskRefused,
  };
}

/** The URL of a bus, whatever its kind, and an offset. */
export function busOffset(sources: readonly SourceDeclaration[]): ValueType<BusOffset> {
  return {
    placeholder: "<url=offset>",
    allowed: "the URL or the name of a bus in VABUS_URL and an offset, such as http://bus:8000=1234",
    schema: z.string().transform((text, context) => {
      const [, part = "", digits] = /^(.+)=(\d{1,15})$/.exec(text) ?? [];
      if (digits !== undefined && problemOf(part) === undefined) return { bus: part, offset: Number(digits) };
      const found = readUrl(part, sources);
      if (digits !== undefined && "url" in found) {
        const address = connectorFor(found.url, sources)!.addressOf(found.url);
        return { bus: address.replace(/\/+$/, ""), offset: Number(digits) };
      }
      context.addIssue({ code: "custom", message: "is not of the form URL=OFFSET" });
      return z.NEVER;
    }),
    maskRefused,
  };
}

function schemesOf(sources: readonly SourceDeclaration[]): string[] {
  return sources.flatMap(({ schemes: { plain, tls } }) => [...plain, ...tls]);
}

function connectorFor(url: string, sources: readonly SourceDeclaration[]): SourceDeclaration | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";
  return sources.find((source) => schemesOf([source]).includes(scheme));
}

function readUrl(
  part: string,
  sources: readonly SourceDeclaration[],
): SourceUrl | { readonly problem: string } {
  const connector = connectorFor(part, sources);
  if (connector === undefined) {
    return { problem: `has a part that does not begin with ${beginnings(schemesOf(sources))}` };
  }
  const named = partName(part);
  if ("problem" in named) return named;
  const parted = partEvents(named.url);
  if ("problem" in parted) return parted;
  const url = connector.readUrl(parted.url);
  if (typeof url !== "string") return url;
  return { kind: connector.kind, url, name: named.name, events: parted.events };
}

function beginnings(schemes: readonly string[]): string {
  return schemes.map((scheme) => `${scheme}://`).join(", ").replace(/, (?=[^,]*$)/, " or ");
}
