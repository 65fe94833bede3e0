import assert from "node:assert/strict";
import { loadConfig, sourcesOf } from "../../settings/sources.ts";

Deno.test("each sink of SQLite has a file of its own in the state directory, where none is named", () => {
  const environment = {
    STATE_DIR: "/var/state",
    STORAGE_TYPE: "sqlite,history:sqlite,named:sqlite",
    NAMED_SQLITE_PATH: "/mnt/named.sqlite",
  };
  const paths = loadConfig(sourcesOf({ environment })).sinks.map(({ id, options }) => [
    id,
    (options as { readonly path: string }).path,
  ]);
  assert.deepEqual(paths, [
    ["sqlite", "/var/state/aggregates.sqlite"],
    ["history", "/var/state/aggregates-history.sqlite"],
    ["named", "/mnt/named.sqlite"],
  ]);
});
