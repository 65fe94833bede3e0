import { readerFor } from "../../codec/mapping/record_reader.ts";
import type { Changing, SourceSurroundings } from "../../contract/connector.ts";
import type { Source } from "../../contract/source.ts";
import type { FileConfig } from "./connector.ts";
import { FileSource } from "./file_source.ts";
import { pathOf, STDIN_URL } from "./file_url.ts";
import { STDIN, StdinSource } from "./stdin_source.ts";

export function create(
  { events, url }: FileConfig,
  { endsWhenRead, name }: SourceSurroundings,
): Changing<Source, FileConfig> {
  const reader = readerFor(events);
  const [address = "", query] = url.split("?");
  const part = url === STDIN_URL
    ? new StdinSource(name ?? url, STDIN, reader, endsWhenRead)
    : new FileSource(name ?? address, pathOf(address)!, { reader, isFollowed: query !== undefined });
  return { part, change: () => {} };
}
