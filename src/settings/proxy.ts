import { BlockList, isIP } from "node:net";
import { isLoopback } from "../platform/http/access.ts";
import { maskRefused, maskUrl } from "./mask.ts";

/** The proxy for a bus. */
export interface Proxy {
  /** May hold credentials. */
  readonly url: string;
  /** May be shown: it contains no secret. */
  readonly masked: string;
  /** The variable that names it. */
  readonly variable: string;
}

/** A variable that names a proxy and cannot be used. */
export interface ProxyFault {
  readonly variable: string;
  /** May be shown: it contains no secret. */
  readonly masked: string;
  readonly problem: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const EXCEPTION_NAMES = ["NO_PROXY", "no_proxy"];
const NAMES_BY_SCHEME: Readonly<Record<string, readonly string[]>> = {
  "http:": ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
  "https:": ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
};

/** All variables about proxies. */
export const PROXY_NAMES: readonly string[] = [
  ...new Set([...Object.values(NAMES_BY_SCHEME).flat(), ...EXCEPTION_NAMES]),
];

/**
 * The proxy that the environment names for a URL; undefined: there is none for its host. This machine itself
 * is never reached by a proxy.
 */
export function proxyFor(url: string, environment: Environment): Proxy | ProxyFault | undefined {
  // The URL of a bus with several servers is none of HTTP, and none that the parser takes.
  const names = NAMES_BY_SCHEME[url.slice(0, url.indexOf(":") + 1).toLowerCase()];
  if (names === undefined) return undefined;
  const { protocol, hostname, port } = new URL(url);
  if (isLoopback(hostname.replace(/^\[|\]$/g, ""))) return undefined;
  const given = firstOf(names, environment);
  if (given === undefined) return undefined;
  const exceptions = firstOf(EXCEPTION_NAMES, environment)?.text.split(",") ?? [];
  const defaultPort = protocol === "https:" ? "443" : "80";
  const isExcepted = exceptions.some((exception) => covers(exception.trim(), hostname, port || defaultPort));
  return isExcepted ? undefined : readProxy(given.name, given.text);
}

function firstOf(
  names: readonly string[],
  environment: Environment,
): { readonly name: string; readonly text: string } | undefined {
  for (const name of names) {
    const text = environment[name]?.trim();
    if (text) return { name, text };
  }
  return undefined;
}

function readProxy(variable: string, text: string): Proxy | ProxyFault {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const parsed = URL.parse(url);
  if (parsed === null || parsed.hostname === "" || /\s/.test(text) || text.split("@").length > 2) {
    return { variable, masked: maskRefused(url), problem: "is not the URL of a proxy" };
  }
  if (!["http:", "https:", "socks5:", "socks5h:"].includes(parsed.protocol)) {
    return {
      variable,
      masked: maskRefused(url),
      problem: "is none of http://, https://, socks5:// and socks5h://",
    };
  }
  return { url, masked: maskUrl(url), variable };
}

/**
 * Whether an entry of NO_PROXY is meant for a host: `*`, a domain with all below it, an address, a range;
 * with a port or without.
 */
function covers(entry: string, hostname: string, port: string): boolean {
  if (entry === "*") return true;
  const host = hostname.replace(/^\[|\]$/g, "");
  const [, name = entry, ofPort] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
  if (ofPort !== undefined && ofPort !== port) return false;
  const bare = name.replace(/^\[|\]$/g, "").toLowerCase();
  if (isIP(host) !== 0) return coversAddress(bare, host);
  const domain = bare.replace(/^\*?\./, "");
  return domain !== "" && (host === domain || host.endsWith(`.${domain}`));
}

function coversAddress(entry: string, address: string): boolean {
  const [network = "", bits] = entry.split("/") as [string, string?];
  const family = isIP(network);
  if (family === 0 || family !== isIP(address)) return false;
  const width = family === 4 ? 32 : 128;
  const prefix = bits === undefined ? width : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN;
  if (!(prefix <= width)) return false;
  const range = new BlockList();
  range.addSubnet(network, prefix, family === 4 ? "ipv4" : "ipv6");
  return range.check(address, family === 4 ? "ipv4" : "ipv6");
}
