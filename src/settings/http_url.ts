import { isIPv6 } from "node:net";
import { PORT_MAX } from "./value_type.ts";

/** What is wrong with a URL of `http` or `https`, as the rest of a sentence; undefined: nothing. */
export function httpUrlProblem(text: string): string | undefined {
  if (!/^https?:\/\//i.test(text)) return "has a part that does not begin with http:// or https://";
  const url = URL.parse(text);
  // The URL parser silently drops line breaks and tabs.
  if (url === null || /\s/.test(text)) return `has a part that is not a URL${whyNoUrl(text)}`;
  if (/[?#]/.test(text)) return "has a URL with parameters or a fragment";
  return credentialsProblem(text, url);
}

/** Mistakes for which the URL parser has no message. */
function whyNoUrl(text: string): string {
  if (/[\s;|]\s*https?:/i.test(text)) return ": separate several of them by commas";
  const [, authority = ""] = /^https?:\/\/([^/?#]*)/i.exec(text) ?? [];
  const hostAndPort = authority.slice(authority.lastIndexOf("@") + 1);
  if (isIPv6(hostAndPort.replace(/:\d+$/, "")) || isIPv6(hostAndPort)) {
    return ": write an IPv6 address in brackets, as in http://[::1]:8000";
  }
  const port = /:(\d+)$/.exec(hostAndPort)?.[1];
  return Number(port) > PORT_MAX ? `: its port is above ${PORT_MAX}` : "";
}

/**
 * A password with a raw `/`, `?` or `#` would be parsed as host and path, and be shown as such. So the only
 * `@` must be where the parser saw it.
 */
function credentialsProblem(text: string, url: URL): string | undefined {
  const atCount = text.split("@").length - 1;
  const isPlain = atCount === 0 || (atCount === 1 && url.username + url.password !== "");
  if (!isPlain || url.hash !== "") {
    return "has an @, :, /, ? or # in user name or password that is not percent-encoded";
  }
  try {
    // User name and password are decoded one by one, as they are used. Together, two halves of a character
    // would pass.
    [url.username, url.password, url.pathname].forEach(decodeURIComponent);
    return undefined;
  } catch {
    return "has a % that does not begin a percent-encoded character";
  }
}

/** A URL of `http` or `https` without its credentials. */
export function addressOfHttp(text: string): string {
  const { origin, pathname } = new URL(text);
  return origin + pathname;
}
