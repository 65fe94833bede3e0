import assert from "node:assert/strict";
import { SQLITE } from "../../../src/sinks/sqlite/connector.ts";
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

function configOf(environment: Record<string, string>) {
  const given = { STATE_DIR: "/var/state", STORAGE_TYPE: "sqlite", ...environment };
  const { sinks: [sink], warnings } = loadConfig(sourcesOf({ environment: given }));
  return {
    options: sink!.options as {
      readonly path: string;
      readonly mode?: number;
      readonly retentionMs?: number;
    },
    warnings: warnings.filter((warning) => warning.includes("SQLITE_MODE")),
  };
}

Deno.test("mode and retention are those of the settings, or left out", () => {
  assert.deepEqual(configOf({}).options, { path: "/var/state/aggregates.sqlite" });
  const { options } = configOf({
    SQLITE_MODE: "0640",
    SQLITE_RETENTION: "30d",
    SQLITE_PATH: "/mnt/a.sqlite",
  });
  const retentionMs = 30 * 24 * 3600_000;
  assert.deepEqual(options, { path: "/mnt/a.sqlite", mode: 0o640, retentionMs });
  const retentionOf = (given: object) => SQLITE.retentionOf!(given as never);
  assert.deepEqual(retentionOf(options), { setting: "SQLITE_RETENTION", retentionMs });
  assert.equal(retentionOf({ path: "/mnt/a.sqlite" }), undefined);
});

Deno.test("a mode for others is a warning where the directory keeps them out", () => {
  const modes: [mode: string, path: string | undefined, isWarned: boolean][] = [
    ["0640", undefined, true],
    ["0664", undefined, true],
    ["0600", undefined, false],
    ["0640", "/var/state/deep/a.sqlite", true],
    ["0640", "/var/state-of-others/a.sqlite", false],
    ["0640", "/mnt/a.sqlite", false],
  ];
  for (const [mode, path, isWarned] of modes) {
    const { warnings } = configOf({ SQLITE_MODE: mode, ...(path !== undefined && { SQLITE_PATH: path }) });
    assert.equal(warnings.length, isWarned ? 1 : 0, `${mode} ${path}`);
    if (isWarned) assert.match(warnings[0]!, /so nobody else can read it: set SQLITE_PATH/);
  }
  assert.deepEqual(configOf({}).warnings, []);
});
