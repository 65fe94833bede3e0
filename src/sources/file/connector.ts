import { sourceConnector } from "../../contract/connector.ts";
import type { EventTexts } from "../../settings/declaration.ts";
import { readFileUrl, STDIN_URL } from "./file_url.ts";

export interface FileConfig {
  readonly events: EventTexts;
  readonly url: string;
}

export const FILE = sourceConnector({
  kind: "file",
  title: "Files",
  schemes: { plain: ["file", "stdin"], tls: [] },
  urlForm: "file:///path, where * matches several, or stdin:",
  settings: {},
  readUrl: readFileUrl,
  addressOf: (url) => url.split("?")[0]!,
  isOpenParameter: (name) => name === "follow",
  configure: (_scope, { events, url }): FileConfig => ({ events, url }),
  // What is read from stdin comes but once.
  mayRepeat: ({ url }) => url !== STDIN_URL,
  async create(config, surroundings) {
    const { create } = await import("./create.ts");
    return create(config, surroundings);
  },
});
