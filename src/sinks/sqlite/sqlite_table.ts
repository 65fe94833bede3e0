import type { DatabaseSync } from "node:sqlite";
import { NO_LABELS } from "../../event/labels.ts";
import { CREATE_WRITER_TABLE } from "./sqlite_claim.ts";

/**
 * The key begins with the window: the rows of a window are neighbours, and are written and deleted together
 * (docs/decisions/0070).
 */
const KEY = "window_start, name, labels, agg_func, window_end, instance";

const CREATE_TABLE = `
  create table if not exists aggregated_events (
    name text not null,
    labels text not null default '${NO_LABELS}',
    agg_func text not null,
    window_start real not null,
    window_end real not null,
    instance text not null,
    value real not null,
    count integer not null,
    revision integer not null,
    written_at real not null default ((julianday('now') - 2440587.5) * 86400.0),
    primary key (${KEY})
  ) without rowid`;

/** For a table of a former version, whose key begins with the name. */
const CREATE_INDEX = `
  create index if not exists aggregated_events_window_start on aggregated_events (window_start)`;

/**
 * The statistics that `analyze` would find in a table of many windows with many rows each. With them SQLite
 * searches a series in one window after the other.
 */
const STATISTICS =
  "insert into sqlite_stat1 values ('aggregated_events', 'aggregated_events', '100000000 50000 1 1 1 1 1')";

const COPIED = "name, agg_func, window_start, window_end, instance, value, count, revision, written_at";

/** Rebuilds the table of a former version with labels in its key. SQLite cannot change a key in place. */
const ADD_LABELS = "begin; alter table aggregated_events rename to aggregated_events_before; " +
  `${CREATE_TABLE.replace(/\s+/g, " ").trim()}; insert into aggregated_events (${COPIED}) select ${COPIED} ` +
  "from aggregated_events_before order by window_start, name; drop table aggregated_events_before; commit;";

export const LABELS_ADVICE =
  "Its table was made by a former version. Name another file with SQLITE_PATH, or run in this one " +
  `with \`sqlite3\`: ${ADD_LABELS}`;

/** The properties of the table of the rows. */
export interface TableShape {
  /** Whether the key has labels. */
  readonly hasLabels: boolean;
  readonly isWindowFirst: boolean;
}

export function isTableMissing(database: DatabaseSync): boolean {
  return database.prepare("select 1 from sqlite_schema where name = 'aggregated_events'").get() === undefined;
}

export function shapeOf(database: DatabaseSync): TableShape {
  const key = database.prepare(
    "select name from pragma_table_info('aggregated_events') where pk > 0 order by pk",
  )
    .all().map(({ name }) => name);
  return { hasLabels: key.includes("labels"), isWindowFirst: key[0] === "window_start" };
}

/** As {@link prepareTables}. A file without tables gets them in one commit, which waits for the disk once. */
export function prepareInOneCommit(database: DatabaseSync): TableShape {
  if (!isTableMissing(database)) return prepareTables(database);
  database.exec("begin immediate");
  try {
    const shape = prepareTables(database);
    database.exec("commit");
    return shape;
  } catch (error) {
    // After some errors, such as a full disk, SQLite has already rolled back.
    if (database.isTransaction) database.exec("rollback");
    throw error;
  }
}

/** Creates the tables where they are missing, and the index that a table of a former version needs. */
export function prepareTables(database: DatabaseSync): TableShape {
  if (isTableMissing(database)) {
    database.prepare(CREATE_TABLE).run();
    database.prepare("analyze sqlite_schema").run();
    database.prepare(STATISTICS).run();
  }
  const shape = shapeOf(database);
  if (!shape.isWindowFirst) database.prepare(CREATE_INDEX).run();
  database.prepare(CREATE_WRITER_TABLE).run();
  return shape;
}
