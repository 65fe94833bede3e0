import type { DatabaseSync } from "node:sqlite";
import { DatabaseIdentity } from "../platform/file/file_identity.ts";
import { openAlone } from "../platform/file/lone_database.ts";
import type { Consumer } from "./consumers.ts";
import type { Chunk, ChunkStore, StoredLog } from "./event_log.ts";
import { UnwritableError } from "./log_errors.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS log (name TEXT PRIMARY KEY, id TEXT NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS chunk (log TEXT, first INTEGER, count INTEGER NOT NULL, byte_length INTEGER NOT NULL,
    ends BLOB NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (log, first));
  CREATE TABLE IF NOT EXISTS consumer (log TEXT, name TEXT, acknowledged INTEGER NOT NULL, PRIMARY KEY (log, name));
  CREATE TABLE IF NOT EXISTS heard (log TEXT, name TEXT, run_ms INTEGER NOT NULL, PRIMARY KEY (log, name));
  CREATE TABLE IF NOT EXISTS run (log TEXT PRIMARY KEY, ms INTEGER NOT NULL);
`;

/**
 * Opens the file of a bus, and returns the stores in it by the names of their event logs. A second bus would
 * give the same offsets to other events.
 */
export function openStores(path: string): (name: string) => SqliteStore {
  const database = openAlone(path, SCHEMA);
  try {
    const identity = new DatabaseIdentity(path);
    return (name) => new SqliteStore(database, identity, name);
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The running time is stored to the second, so that it is not written with every event. */
const RUN_WITHIN_MS = 1000;

/** Keeps chunks in an SQLite file. Events that were answered with 202 survive a loss of power. */
export class SqliteStore implements ChunkStore {
  private runSavedMs = -Infinity;

  /** @param name Name of the event log: several share a file. */
  constructor(
    private readonly database: DatabaseSync,
    private readonly identity: DatabaseIdentity,
    private readonly name: string,
  ) {}

  load(): StoredLog {
    this.database.prepare("INSERT OR IGNORE INTO log VALUES (?, ?, 0, 0)").run(
      this.name,
      crypto.randomUUID(),
    );
    const { id, first, next } = this.database.prepare("SELECT id, first, next FROM log WHERE name = ?")
      .get(this.name) as unknown as { id: string; first: number; next: number };
    const chunks = this.database.prepare(
      "SELECT first, count, byte_length AS byteLength FROM chunk WHERE log = ? ORDER BY first",
    ).all(this.name) as unknown as { first: number; count: number; byteLength: number }[];
    const { runMs } = this.database.prepare("SELECT coalesce(max(ms), 0) AS runMs FROM run WHERE log = ?")
      .get(this.name) as unknown as { runMs: number };
    return { id, first, next, chunks, consumers: this.consumers(runMs), runMs };
  }

  /** A chunk with the offset of the last one replaces it, since the offset is the key. */
  put(chunks: readonly Chunk[], trimTo: number | undefined, runMs: number): void {
    try {
      this.transaction(() => {
        this.insert(chunks, runMs);
        if (trimTo !== undefined) this.trim(trimTo);
        this.assertKept();
      });
    } catch (error) {
      throw new UnwritableError((error as Error).message, { cause: error });
    }
  }

  get(first: number): Chunk {
    const { bytes, ends } = this.database.prepare("SELECT bytes, ends FROM chunk WHERE log = ? AND first = ?")
      .get(this.name, first) as unknown as { bytes: Uint8Array; ends: Uint8Array };
    return { first, bytes, ends: new Uint32Array(ends.slice().buffer) };
  }

  trimTo(first: number): void {
    this.transaction(() => this.trim(first));
  }

  saveConsumer(name: string, { acknowledged, heardMs }: Consumer): void {
    this.transaction(() => {
      this.database.prepare("INSERT OR REPLACE INTO consumer VALUES (?, ?, ?)")
        .run(this.name, name, acknowledged);
      this.database.prepare("INSERT OR REPLACE INTO heard VALUES (?, ?, ?)").run(this.name, name, heardMs);
      this.saveRun(heardMs);
    });
  }

  forgetConsumer(name: string): void {
    this.transaction(() => {
      for (const table of ["consumer", "heard"]) {
        this.database.prepare(`DELETE FROM ${table} WHERE log = ? AND name = ?`).run(this.name, name);
      }
    });
  }

  /** Closes the file, and with it every event log in it. */
  close(): void {
    if (this.database.isOpen) this.database.close();
  }

  /** A consumer that an earlier version has stored counts as heard of just now. */
  private consumers(runMs: number): Map<string, Consumer> {
    const rows = this.database.prepare(
      "SELECT name, acknowledged, coalesce(run_ms, ?) AS heardMs FROM consumer LEFT JOIN heard USING " +
        "(log, name) WHERE log = ?",
    ).all(runMs, this.name) as unknown as { name: string; acknowledged: number; heardMs: number }[];
    return new Map(rows.map(({ name, ...consumer }) => [name, consumer]));
  }

  private insert(chunks: readonly Chunk[], runMs: number): void {
    const last = chunks.at(-1)!;
    const insert = this.database.prepare("INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?)");
    for (const { first, bytes, ends } of chunks) {
      insert.run(this.name, first, ends.length, bytes.length, new Uint8Array(ends.buffer), bytes);
    }
    this.database.prepare("UPDATE log SET next = ? WHERE name = ?")
      .run(last.first + last.ends.length, this.name);
    if (runMs - this.runSavedMs >= RUN_WITHIN_MS) this.saveRun(runMs);
  }

  private trim(first: number): void {
    this.database.prepare("DELETE FROM chunk WHERE log = ? AND first + count <= ?").run(this.name, first);
    this.database.prepare("UPDATE log SET first = ? WHERE name = ?").run(first, this.name);
  }

  /**
   * Asserts that what is committed will be found again: a commit succeeds in a file that no name leads to,
   * and is gone with it. Readers may have what it holds.
   */
  private assertKept(): void {
    const found = this.identity.fate;
    if (found === undefined) return;
    throw new Error(
      `the log ${found.path} was ${found.fate} while the bus runs. Nothing more is taken. Put it back ` +
        "where it was, and all goes on; or start the bus again, with an empty one",
    );
  }

  private saveRun(ms: number): void {
    this.database.prepare("INSERT OR REPLACE INTO run VALUES (?, ?)").run(this.name, ms);
    this.runSavedMs = ms;
  }

  private transaction(work: () => void): void {
    this.database.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.database.exec("COMMIT");
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw error;
    }
  }
}
