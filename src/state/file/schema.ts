/** Marks an SQLite file as a state database: "VaBD". */
export const APPLICATION_ID = 0x56614244;

/**
 * One entry for each schema version, applied in order. An entry never changes once it is released. `meta`
 * also has the schema version, so that a file can be judged before anything else of it is read.
 */
export const MIGRATIONS: readonly string[] = [
  `
  -- See seal.ts, also for the columns named checksum.
  CREATE TABLE seal (name TEXT PRIMARY KEY, sum INTEGER NOT NULL) WITHOUT ROWID;

  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  -- offset_next: where to fetch from. log: the identity of the bus's log. Times are Unix ms.
  CREATE TABLE bus (
    name TEXT PRIMARY KEY, log TEXT, offset_next INTEGER, greatest_ms REAL, position INTEGER NOT NULL
  ) WITHOUT ROWID;

  -- bit: the sink's place in the masks of segments. cursor: the outbox id that it gets next.
  -- since_id: the outbox id it was added at. routed_count: events in the aggregates routed to it so far, each event once.
  CREATE TABLE sink (
    name TEXT PRIMARY KEY, bit INTEGER NOT NULL UNIQUE, since_id INTEGER NOT NULL,
    cursor INTEGER NOT NULL, routed_count INTEGER NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE account (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

  -- Open windows: a page of accumulators in two blobs, since its keys seldom change and its values always do.
  CREATE TABLE open_page_keys (
    page INTEGER PRIMARY KEY, window_start_ms INTEGER NOT NULL, window_end_ms INTEGER NOT NULL,
    checksum INTEGER NOT NULL, keys BLOB NOT NULL
  );
  CREATE TABLE open_page_values (page INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, accumulators BLOB NOT NULL);

  -- Closed aggregates: outbox and archive. first_id: outbox id of the first row; ids are consecutive. reissued: rows put
  -- back by an operator, for a sink alone: no news about the window.
  CREATE TABLE segment (
    first_id INTEGER PRIMARY KEY, row_count INTEGER NOT NULL, window_start_ms INTEGER NOT NULL,
    window_end_ms INTEGER NOT NULL, first_hash INTEGER NOT NULL, last_hash INTEGER NOT NULL,
    sink_bits INTEGER NOT NULL, reissued INTEGER NOT NULL DEFAULT 0, closed_at_ms INTEGER NOT NULL,
    checksum INTEGER NOT NULL, rows BLOB NOT NULL
  );
  CREATE INDEX segment_by_window ON segment (window_end_ms, window_start_ms);

  -- Ids of events for finding duplicates, in runs. last_sequence: of the run's last id.
  CREATE TABLE recent_ids (
    bus TEXT NOT NULL, last_sequence INTEGER NOT NULL, checksum INTEGER NOT NULL, ids BLOB NOT NULL,
    PRIMARY KEY (bus, last_sequence)
  );

  -- Refused events (bus, bus_offset, raw) and refused aggregates (name and what follows). purged: given up; an aggregate
  -- stays as a line in the books.
  CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT, checksum INTEGER NOT NULL, refused_at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL, detail TEXT NOT NULL, bus TEXT, bus_offset INTEGER, raw BLOB, raw_bytes INTEGER,
    sink TEXT, name TEXT, agg_func TEXT, value REAL, window_start_ms INTEGER, window_end_ms INTEGER, count INTEGER,
    revision INTEGER, purged INTEGER NOT NULL DEFAULT 0
  );

  CREATE INDEX dead_letter_by_window ON dead_letter (window_end_ms, window_start_ms) WHERE sink IS NOT NULL;

  -- What an operator asked of the running handler.
  CREATE TABLE wish (id INTEGER PRIMARY KEY AUTOINCREMENT, action TEXT NOT NULL, dead_letter_ids TEXT NOT NULL);
  `,
  `
  -- Seals cover all keys and row ids from here on: no table of many rows has a hidden row id.
  ALTER TABLE recent_ids RENAME TO recent_ids_by_rowid;
  CREATE TABLE recent_ids (
    bus TEXT NOT NULL, last_sequence INTEGER NOT NULL, checksum INTEGER NOT NULL, ids BLOB NOT NULL,
    PRIMARY KEY (bus, last_sequence)
  ) WITHOUT ROWID;
  INSERT INTO recent_ids SELECT * FROM recent_ids_by_rowid;
  DROP TABLE recent_ids_by_rowid;
  `,
  `
  -- Starts of a handler on this state; see lives.ts. end_id: of the outbox, when the next one started; null: it is the last.
  CREATE TABLE life (boot INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, token TEXT NOT NULL, end_id INTEGER);

  -- By an operator's word: aggregates with ids below this one may be missing in the sink.
  CREATE TABLE accepted (sink TEXT PRIMARY KEY, below_id INTEGER NOT NULL) WITHOUT ROWID;

  -- What is wrong with what sinks hold, until it is settled; see alarms.ts.
  CREATE TABLE alarm (
    sink TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL, count INTEGER NOT NULL, since_ms INTEGER NOT NULL,
    PRIMARY KEY (sink, kind)
  ) WITHOUT ROWID;

  -- given_up_count: events in aggregates that the sink never got, since it was removed before. purged_count: events in
  -- aggregates that it rejected and an operator purged, in windows that are final.
  ALTER TABLE sink ADD COLUMN given_up_count INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sink ADD COLUMN purged_count INTEGER NOT NULL DEFAULT 0;

  -- A time that a sink was configured for, and that is over: aggregates with ids from since_id up to until_id that bear its bit
  -- went to it, but for those from cursor on, which were given up. The counts are those of the sink when it went.
  CREATE TABLE stay (
    sink TEXT NOT NULL, since_id INTEGER NOT NULL, until_id INTEGER NOT NULL, bit INTEGER NOT NULL, cursor INTEGER NOT NULL,
    routed_count INTEGER NOT NULL, given_up_count INTEGER NOT NULL, purged_count INTEGER NOT NULL,
    PRIMARY KEY (sink, since_id)
  ) WITHOUT ROWID;

  -- What an operator wants a sink to get once more: windows that start from since_ms up to until_ms. It has come to the row
  -- after_key of the window, null: to its end. sent: rows so far.
  CREATE TABLE redelivery (
    id INTEGER PRIMARY KEY, sink TEXT NOT NULL, since_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,
    window_end_ms INTEGER, window_start_ms INTEGER, after_key TEXT, sent INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0
  );

  -- Fingerprints of what was read of a log, see log_history.ts: those of a page's events from first_offset on.
  CREATE TABLE history (
    log TEXT NOT NULL, page INTEGER NOT NULL, checksum INTEGER NOT NULL, first_offset INTEGER NOT NULL,
    hashes BLOB NOT NULL, PRIMARY KEY (log, page)
  ) WITHOUT ROWID;

  -- Buses and sinks that cannot be reached; see outages.ts. told_ms: when somebody was last woken for it; null: never.
  CREATE TABLE outage (place TEXT PRIMARY KEY, detail TEXT NOT NULL, since_ms INTEGER NOT NULL, told_ms INTEGER) WITHOUT ROWID;
  `,
  `
  -- What operators have ordered, the newest orders; see audit.ts. count: dead letters that it has come to so far. result: null: it
  -- has come to nothing yet.
  CREATE TABLE audit (
    id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, at_ms INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
    detail TEXT NOT NULL, count INTEGER NOT NULL, result TEXT
  );

  -- audit_id: the order that it came from; null: the handler's own.
  ALTER TABLE wish ADD COLUMN audit_id INTEGER;
  ALTER TABLE redelivery ADD COLUMN audit_id INTEGER;
  `,
  `
  -- Where each partition of a source was read to, in the order of the configuration. lineage: the identity of the history that
  -- positions belong to. position: of what comes next, in the source's own words. greatest_ms: event time.
  CREATE TABLE source_partition (
    source TEXT NOT NULL, partition TEXT NOT NULL, ordinal INTEGER NOT NULL, lineage TEXT, position TEXT, greatest_ms REAL,
    PRIMARY KEY (source, partition)
  ) WITHOUT ROWID;
  INSERT INTO source_partition SELECT name, '', position, log, CAST(offset_next AS TEXT), greatest_ms FROM bus;
  DROP TABLE bus;

  -- Histories that no partition has now, and where each was read to; see lineages.ts.
  CREATE TABLE lineage_left (
    lineage TEXT PRIMARY KEY, position TEXT, greatest_ms REAL, left_at_ms INTEGER NOT NULL
  ) WITHOUT ROWID;

  ALTER TABLE history RENAME COLUMN log TO lineage;
  ALTER TABLE recent_ids RENAME COLUMN bus TO source;

  -- position: of the event itself.
  ALTER TABLE dead_letter RENAME COLUMN bus TO source;
  ALTER TABLE dead_letter ADD COLUMN partition TEXT;
  ALTER TABLE dead_letter ADD COLUMN position TEXT;
  UPDATE dead_letter SET partition = '', position = CAST(bus_offset AS TEXT) WHERE source IS NOT NULL;
  ALTER TABLE dead_letter DROP COLUMN bus_offset;

  -- labels: of a refused aggregate, canonical; null: it has none.
  ALTER TABLE dead_letter ADD COLUMN labels TEXT;

  -- name: the operator's name for it. kind: of the connector.
  ALTER TABLE sink ADD COLUMN kind TEXT NOT NULL DEFAULT '';
  UPDATE sink SET kind = name;
  ALTER TABLE stay ADD COLUMN kind TEXT NOT NULL DEFAULT '';
  UPDATE stay SET kind = sink;
  `,
  `
  -- What the handler went by at its last checkpoint, as its operator has written it; see settings_in_force.ts.
  CREATE TABLE setting_in_force (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  -- What the aggregated events count for: until here each went into one series.
  INSERT INTO account SELECT 'contributed', value FROM account WHERE name = 'aggregated';
  `,
  `
  -- What is counted for the windows of one length; see tier_books.ts.
  CREATE TABLE tier (
    length_ms INTEGER PRIMARY KEY, contributed INTEGER NOT NULL, late_shares INTEGER NOT NULL, closed INTEGER NOT NULL
  ) WITHOUT ROWID;

  -- Events routed to a sink in windows of one length: a part of its routed_count.
  CREATE TABLE sink_tier (
    sink TEXT NOT NULL, length_ms INTEGER NOT NULL, routed_count INTEGER NOT NULL, PRIMARY KEY (sink, length_ms)
  ) WITHOUT ROWID;
  `,
];
