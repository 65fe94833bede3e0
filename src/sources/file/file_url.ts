import { isAbsolute } from "node:path";

/** The URL of the standard input, as the rest of the program knows it. */
export const STDIN_URL = "stdin:";

/** Reads a URL, or says what is wrong with it. */
export function readFileUrl(text: string): string | { readonly problem: string } {
  if (/^stdin:/i.test(text)) {
    return /^stdin:(?:\/\/)?$/i.test(text)
      ? STDIN_URL
      : { problem: "has stdin: with something behind it, which belongs to nothing" };
  }
  const [address = "", query, ...more] = text.split("?");
  const path = pathOf(address);
  if (path === undefined) return { problem: "has a % that does not begin a percent-encoded character" };
  if (!isAbsolute(path)) {
    return { problem: "has a file without an absolute path, such as file:///var/log/events.ndjson" };
  }
  if (path.endsWith("/")) {
    return { problem: "has a directory: name the files in it, such as file:///var/log/*.ndjson" };
  }
  if (more.length > 0 || (query !== undefined && !/^follow=(?:true|false)$/.test(query))) {
    return {
      problem: "has a file with a parameter that it does not have: there is follow=true (a ? in a " +
        "name is written %3F)",
    };
  }
  return query === "follow=true" ? `${address}?${query}` : address;
}

/** The path of a file URL; undefined: it is not encoded as one. */
export function pathOf(address: string): string | undefined {
  try {
    return decodeURIComponent(address.replace(/^file:(?:\/\/(?:localhost)?(?=\/)|\/\/)?/i, ""));
  } catch {
    return undefined;
  }
}
