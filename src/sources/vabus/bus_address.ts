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
  /** Whether the login in `url` comes from settings of its own, or at least its password. */
  readonly isLoginSet?: boolean;
  /** PEM texts; undefined: the system's authorities, no client certificate. */
  readonly tls:
    | { readonly ca: string | undefined; readonly cert: string | undefined; readonly key: string | undefined }
    | undefined;
  /** Number of buses that share the memory for replies; left out: 1. */
  readonly busCount?: number;
}

/** The address with this login, as far as its URL lacks a user or a password. */
export function withLogin(
  address: BusAddress,
  username: string | undefined,
  password: string | undefined,
): BusAddress {
  const own = new URL(address.url);
  const [user, word] = [own.username || encoded(username), own.password || encoded(password)];
  if (user === own.username && word === own.password) return address;
  const url = address.url.replace(/:\/\/([^/]*@)?/, () => `://${user}:${word}@`);
  return { ...address, url, isLoginSet: own.password === "" };
}

/** Half a character, which a variable of Windows may have, would be an error. */
function encoded(text = ""): string {
  return encodeURIComponent(text.toWellFormed());
}

/** The headers of each request. */
export function headersFor(address: BusAddress): Record<string, string> {
  const authorization = authorizationOf(address);
  return {
    ...(authorization !== undefined && { authorization }),
    // On the same host, compression costs more than it saves.
    "accept-encoding": isLoopback(new URL(address.url).hostname.replace(/^\[|\]$/g, ""))
      ? "identity"
      : "gzip",
  };
}

/** The header by which the bus knows the handler; undefined: it has no credentials. */
export function authorizationOf(address: BusAddress): string | undefined {
  if (address.token !== undefined) return `Bearer ${address.token}`;
  const login = loginOf(address);
  return login === undefined ? undefined : `Basic ${new TextEncoder().encode(login).toBase64()}`;
}

/** What an operator can do where the bus refuses the credentials. */
export function credentialsAdvice({ url, token, isLoginSet }: BusAddress): string {
  if (token !== undefined) return "mend VABUS_TOKEN";
  if (loginOf({ url }) === undefined) return "set VABUS_TOKEN";
  return isLoginSet ? "mend VABUS_USERNAME and VABUS_PASSWORD" : "mend user and password in VABUS_URL";
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

/** `user:password` of the URL; undefined: it has neither. */
function loginOf({ url }: Pick<BusAddress, "url">): string | undefined {
  const { username, password } = new URL(url);
  if (username === "" && password === "") return undefined;
  return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
}
