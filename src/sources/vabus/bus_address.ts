import { isLoopback } from "../../platform/http/access.ts";

/** The address of a bus, with credentials. */
export interface BusAddress {
  /**
   * Without trailing slash; may hold credentials (`http://user:password@host`), used when there is no token.
   */
  readonly url: string;
  /**
   * The proxy; undefined: none. `url` may hold credentials; `masked` and the variable that names it are for
   * messages.
   */
  readonly proxy:
    | { readonly url: string; readonly masked: string; readonly variable: string }
    | undefined;
  readonly token: string | undefined;
  /** PEM texts; undefined: the system's authorities, no client certificate. */
  readonly tls:
    | { readonly ca: string | undefined; readonly cert: string | undefined; readonly key: string | undefined }
    | undefined;
  /** Number of buses that share the memory for replies; left out: 1. */
  readonly busCount?: number;
}

/** The headers of each request. */
export function headersFor({ url, token }: BusAddress): Record<string, string> {
  const parsed = new URL(url);
  const basic = parsed.username === "" ? undefined : basicCredentials(parsed);
  const authorization = token !== undefined ? `Bearer ${token}` : basic;
  return {
    ...(authorization !== undefined && { authorization }),
    // On the same host, compression costs more than it saves.
    "accept-encoding": isLoopback(parsed.hostname.replace(/^\[|\]$/g, "")) ? "identity" : "gzip",
  };
}

/** The part of messages about the proxy. */
export function viaProxy({ proxy }: BusAddress): string {
  return proxy === undefined ? "" : ` (through the proxy ${proxy.masked} of ${proxy.variable})`;
}

export function clientFor({ proxy, tls }: BusAddress): Deno.HttpClient {
  return Deno.createHttpClient({
    ...(proxy !== undefined && { proxy: { url: proxy.url } }),
    ...(tls?.ca !== undefined && { caCerts: [tls.ca] }),
    ...(tls?.cert !== undefined && tls.key !== undefined && { cert: tls.cert, key: tls.key }),
  });
}

function basicCredentials({ username, password }: URL): string {
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${new TextEncoder().encode(text).toBase64()}`;
}
