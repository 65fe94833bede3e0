/**
 * The tables and indexes of a state of the present version, as SQLite lists them once all of
 * {@link MIGRATIONS} were applied: type, name, table, and the statement that makes it, which SQLite's own
 * entries lack. To apply them all takes several milliseconds of each start, so what comes of them is written
 * down. A test compares the two.
 */
// deno-fmt-ignore: SQLite keeps each statement with its breaks
export const PRESENT_SCHEMA: readonly string[] = [
  `index dead_letter_by_window dead_letter CREATE INDEX dead_letter_by_window ON dead_letter (window_end_ms, window_start_ms) WHERE sink IS NOT NULL`,
  `index segment_by_window segment CREATE INDEX segment_by_window ON segment (window_end_ms, window_start_ms)`,
  "index sqlite_autoindex_sink_2 sink ",
  `table accepted accepted CREATE TABLE accepted (sink TEXT PRIMARY KEY, below_id INTEGER NOT NULL) WITHOUT ROWID`,
  `table account account CREATE TABLE account (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID`,
  `table alarm alarm CREATE TABLE alarm (
    sink TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL, count INTEGER NOT NULL, since_ms INTEGER NOT NULL,
    PRIMARY KEY (sink, kind)
  ) WITHOUT ROWID`,
  `table audit audit CREATE TABLE audit (
    id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, at_ms INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
    detail TEXT NOT NULL, count INTEGER NOT NULL, result TEXT
  )`,
  `table dead_letter dead_letter CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT, checksum INTEGER NOT NULL, refused_at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL, detail TEXT NOT NULL, source TEXT, raw BLOB, raw_bytes INTEGER,
    sink TEXT, name TEXT, agg_func TEXT, value REAL, window_start_ms INTEGER, window_end_ms INTEGER, count INTEGER,
    revision INTEGER, purged INTEGER NOT NULL DEFAULT 0
  , partition TEXT, position TEXT, labels TEXT)`,
  `table history history CREATE TABLE history (
    lineage TEXT NOT NULL, page INTEGER NOT NULL, checksum INTEGER NOT NULL, first_offset INTEGER NOT NULL,
    hashes BLOB NOT NULL, PRIMARY KEY (lineage, page)
  ) WITHOUT ROWID`,
  `table life life CREATE TABLE life (boot INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, token TEXT NOT NULL, end_id INTEGER)`,
  `table lineage_left lineage_left CREATE TABLE lineage_left (
    lineage TEXT PRIMARY KEY, position TEXT, greatest_ms REAL, left_at_ms INTEGER NOT NULL
  ) WITHOUT ROWID`,
  "table meta meta CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
  `table open_page_keys open_page_keys CREATE TABLE open_page_keys (
    page INTEGER PRIMARY KEY, window_start_ms INTEGER NOT NULL, window_end_ms INTEGER NOT NULL,
    checksum INTEGER NOT NULL, keys BLOB NOT NULL
  )`,
  `table open_page_values open_page_values CREATE TABLE open_page_values (page INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, accumulators BLOB NOT NULL)`,
  `table outage outage CREATE TABLE outage (place TEXT PRIMARY KEY, detail TEXT NOT NULL, since_ms INTEGER NOT NULL, told_ms INTEGER) WITHOUT ROWID`,
  `table recent_ids recent_ids CREATE TABLE recent_ids (
    source TEXT NOT NULL, last_sequence INTEGER NOT NULL, checksum INTEGER NOT NULL, ids BLOB NOT NULL,
    PRIMARY KEY (source, last_sequence)
  ) WITHOUT ROWID`,
  `table redelivery redelivery CREATE TABLE redelivery (
    id INTEGER PRIMARY KEY, sink TEXT NOT NULL, since_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,
    window_end_ms INTEGER, window_start_ms INTEGER, after_key TEXT, sent INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0
  , audit_id INTEGER)`,
  "table seal seal CREATE TABLE seal (name TEXT PRIMARY KEY, sum INTEGER NOT NULL) WITHOUT ROWID",
  `table segment segment CREATE TABLE segment (
    first_id INTEGER PRIMARY KEY, row_count INTEGER NOT NULL, window_start_ms INTEGER NOT NULL,
    window_end_ms INTEGER NOT NULL, first_hash INTEGER NOT NULL, last_hash INTEGER NOT NULL,
    sink_bits INTEGER NOT NULL, reissued INTEGER NOT NULL DEFAULT 0, closed_at_ms INTEGER NOT NULL,
    checksum INTEGER NOT NULL, rows BLOB NOT NULL
  )`,
  `table setting_in_force setting_in_force CREATE TABLE setting_in_force (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
  `table sink sink CREATE TABLE sink (
    name TEXT PRIMARY KEY, bit INTEGER NOT NULL UNIQUE, since_id INTEGER NOT NULL,
    cursor INTEGER NOT NULL, routed_count INTEGER NOT NULL
  , given_up_count INTEGER NOT NULL DEFAULT 0, purged_count INTEGER NOT NULL DEFAULT 0, kind TEXT NOT NULL DEFAULT '') WITHOUT ROWID`,
  `table sink_tier sink_tier CREATE TABLE sink_tier (
    sink TEXT NOT NULL, length_ms INTEGER NOT NULL, routed_count INTEGER NOT NULL, PRIMARY KEY (sink, length_ms)
  ) WITHOUT ROWID`,
  `table source_partition source_partition CREATE TABLE source_partition (
    source TEXT NOT NULL, partition TEXT NOT NULL, ordinal INTEGER NOT NULL, lineage TEXT, position TEXT, greatest_ms REAL,
    PRIMARY KEY (source, partition)
  ) WITHOUT ROWID`,
  "table sqlite_sequence sqlite_sequence CREATE TABLE sqlite_sequence(name,seq)",
  `table stay stay CREATE TABLE stay (
    sink TEXT NOT NULL, since_id INTEGER NOT NULL, until_id INTEGER NOT NULL, bit INTEGER NOT NULL, cursor INTEGER NOT NULL,
    routed_count INTEGER NOT NULL, given_up_count INTEGER NOT NULL, purged_count INTEGER NOT NULL, kind TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (sink, since_id)
  ) WITHOUT ROWID`,
  `table tier tier CREATE TABLE tier (
    length_ms INTEGER PRIMARY KEY, contributed INTEGER NOT NULL, late_shares INTEGER NOT NULL, closed INTEGER NOT NULL
  ) WITHOUT ROWID`,
  `table wish wish CREATE TABLE wish (id INTEGER PRIMARY KEY AUTOINCREMENT, action TEXT NOT NULL, dead_letter_ids TEXT NOT NULL, audit_id INTEGER)`,
];

/** Makes an empty database one of the present schema. SQLite makes its own entries itself. */
export const CREATE_PRESENT_SCHEMA: string = PRESENT_SCHEMA
  .filter((line) => !/^\w+ sqlite_/.test(line))
  .map((line) => `${line.slice(line.indexOf("CREATE "))};\n`)
  // An index comes after its table.
  .toReversed()
  .join("");
