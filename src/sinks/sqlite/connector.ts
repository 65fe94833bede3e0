import { join } from "node:path";
import { sinkConnector } from "../../contract/connector.ts";
import { SQLITE_SETTINGS } from "./sqlite_settings.ts";

interface SqliteConfig {
  /** Absolute. */
  readonly path: string;
  /** Undefined: 0600 for a new file; an existing file keeps its mode. */
  readonly mode?: number;
  /** Undefined: for ever. */
  readonly retentionMs?: number;
}

export const SQLITE = sinkConnector({
  kind: "sqlite",
  title: "SQLite",
  isDefault: true,
  settings: SQLITE_SETTINGS,
  configure(scope): SqliteConfig {
    const { id, kind, stateDir, values: { SQLITE_PATH, SQLITE_MODE: mode, SQLITE_RETENTION: retentionMs } } =
      scope;
    const ownFile = id === kind ? "aggregates.sqlite" : `aggregates-${id}.sqlite`;
    const path = scope.absolute(SQLITE_PATH ?? join(stateDir, ownFile));
    if (mode !== undefined && (mode & 0o077) !== 0 && path.startsWith(`${stateDir}/`)) {
      scope.warn(
        "SQLITE_MODE has no effect for a file in STATE_DIR, whose mode is 0700, so nobody else can read " +
          "it: set SQLITE_PATH to another directory",
      );
    }
    return {
      path: scope.show("SQLITE_PATH", path),
      ...(mode !== undefined && { mode }),
      ...(retentionMs !== undefined && { retentionMs }),
    };
  },
  targetsOf: ({ path }) => [path],
  fileOf: ({ path }) => ({ setting: "SQLITE_PATH", path }),
  retentionOf: ({ retentionMs }) =>
    retentionMs === undefined ? undefined : { setting: "SQLITE_RETENTION", retentionMs },
  async create(config, { id, instance, logger }) {
    const { SqliteSink } = await import("./sqlite_sink.ts");
    return new SqliteSink({ ...config, id, instance }, logger);
  },
  readBack: "cheap",
});
