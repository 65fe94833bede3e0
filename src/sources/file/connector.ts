import { isAbsolute } from "node:path";
import { readerFor } from "../../codec/mapping/record_reader.ts";
import { sourceConnector } from "../../contract/connector.ts";
import type { EventTexts } from "../../settings/declaration.ts";
import { FileSource } from "./file_source.ts";
import { STDIN, StdinSource } from "./stdin_source.ts";

interface FileConfig {
  readonly events: EventTexts;
  readonly url: string;
}

const STDIN_URL = "stdin:";

export const FILE = sourceConnector({
  kind: "file",
  title: "Files",
  schemes: { plain: ["file", "stdin"], tls: [] },
  urlForm: "file:///path, where * matches several, or stdin:",
  settings: {},
  readUrl(text) {
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
  },
  addressOf: (url) => url.split("?")[0]!,
  isOpenParameter: (name) => name === "follow",
  configure: (_scope, { events, url }): FileConfig => ({ events, url }),
  // What is read from stdin comes but once.
  mayRepeat: ({ url }) => url !== STDIN_URL,
  create({ events, url }, { endsWhenRead, name }) {
    const reader = readerFor(events);
    const [address = "", query] = url.split("?");
    const part = url === STDIN_URL
      ? new StdinSource(name ?? url, STDIN, reader, endsWhenRead)
      : new FileSource(name ?? address, pathOf(address)!, { reader, isFollowed: query !== undefined });
    return { part, change: () => {} };
  },
});

/** The path of a file URL; undefined: it is not encoded as one. */
function pathOf(address: string): string | undefined {
  try {
    return decodeURIComponent(address.replace(/^file:(?:\/\/(?:localhost)?(?=\/)|\/\/)?/i, ""));
  } catch {
    return undefined;
  }
}
