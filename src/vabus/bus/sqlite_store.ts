import { DatabaseSync } from "node:sqlite";
import type { Chunk, ChunkStore, StoredLog } from "./event_log.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS log (name TEXT PRIMARY KEY, id TEXT NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS chunk (log TEXT, first INTEGER, count INTEGER NOT NULL, byte_length INTEGER NOT NULL,
    ends BLOB NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (log, first));
  CREATE TABLE IF NOT EXISTS consumer (log TEXT, name TEXT, acknowledged INTEGER NOT NULL, PRIMARY KEY (log, name));
`;

/** Opens the file of a bus. It belongs to this process alone: a second bus would give out the same offsets again. */
export function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    database.exec(SCHEMA);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** Chunks in an SQLite file: what was answered with 202 survives the loss of power. */
export class SqliteStore implements ChunkStore {
  /** @param name Several logs share a file, each under its name. */
  constructor(private readonly database: DatabaseSync, private readonly name: string) {}

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
    const consumers = this.database.prepare("SELECT name, acknowledged FROM consumer WHERE log = ?")
      .all(this.name) as unknown as { name: string; acknowledged: number }[];
    return {
      id,
      first,
      next,
      chunks,
      consumers: new Map(consumers.map(({ name, acknowledged }) => [name, acknowledged])),
    };
  }

  put({ first, bytes, ends }: Chunk): void {
    this.transaction(() => {
      this.database.prepare("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?)")
        .run(this.name, first, ends.length, bytes.length, new Uint8Array(ends.buffer), bytes);
      this.database.prepare("UPDATE log SET next = ? WHERE name = ?").run(first + ends.length, this.name);
    });
  }

  get(first: number): Chunk {
    const { bytes, ends } = this.database.prepare("SELECT bytes, ends FROM chunk WHERE log = ? AND first = ?")
      .get(this.name, first) as unknown as { bytes: Uint8Array; ends: Uint8Array };
    return { first, bytes, ends: new Uint32Array(ends.slice().buffer) };
  }

  trimTo(first: number): void {
    this.transaction(() => {
      this.database.prepare("DELETE FROM chunk WHERE log = ? AND first + count <= ?").run(this.name, first);
      this.database.prepare("UPDATE log SET first = ? WHERE name = ?").run(first, this.name);
    });
  }

  saveConsumer(name: string, offset: number): void {
    this.database.prepare("INSERT OR REPLACE INTO consumer VALUES (?, ?, ?)").run(this.name, name, offset);
  }

  /** Closes the file, and so every log in it. */
  close(): void {
    if (this.database.isOpen) this.database.close();
  }

  private transaction(work: () => void): void {
    this.database.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.database.exec("COMMIT");
    } catch (error) {
      this.database.exec("ROLLBACK");
      throw error;
    }
  }
}
