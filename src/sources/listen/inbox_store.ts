import type { DatabaseSync, StatementSync } from "node:sqlite";
import { eachRow } from "../../platform/file/database.ts";
import { DatabaseIdentity } from "../../platform/file/file_identity.ts";
import { openAlone } from "../../platform/file/lone_database.ts";
import { ANSWER_SCHEMA, AnswerStore, type KeyedAnswer, type RequestMark } from "./answer_store.ts";
import type { RecordFormat, RecordRun } from "./decoder.ts";
import { InboxMark } from "./inbox_mark.ts";

/** A run of the inbox. */
export interface StoredRun extends RecordRun {
  /** Offset of its first record. */
  readonly first: number;
  /** When it arrived, Unix ms. */
  readonly arrivedMs: number;
}

/** What one commit changes. */
export interface InboxChange {
  readonly runs: readonly StoredRun[];
  readonly answers: readonly KeyedAnswer[];
  /** Offset that the next record gets. */
  readonly next: number;
  /** Runs that end at this offset or before are deleted. */
  readonly trimTo: number;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS inbox (id TEXT NOT NULL, next INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS run (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, weight INTEGER NOT NULL,
    format TEXT NOT NULL, topic TEXT, arrived_ms INTEGER NOT NULL, ends BLOB NOT NULL, bytes BLOB NOT NULL);
  -- Runs that may repeat earlier ones. A table of its own: earlier versions add rows to run without knowing it.
  CREATE TABLE IF NOT EXISTS perhaps_repeated (first INTEGER PRIMARY KEY);
`;
/** Memory and disk that a run takes beside its records. */
const RUN_BYTES = 256;
/** Memory for the end of each record. */
const END_BYTES = 4;
const SELECT_RUNS = "SELECT first, format, topic, arrived_ms, ends, bytes, " +
  "first IN (SELECT first FROM perhaps_repeated) AS repeated FROM run " +
  "WHERE first >= (SELECT max(first) FROM run WHERE first <= ?) ORDER BY first";
const SELECT_PRESENT = "SELECT coalesce(" +
  "(SELECT CASE WHEN first + count > ?1 THEN ?1 END FROM run WHERE first <= ?1 " +
  "ORDER BY first DESC LIMIT 1), " +
  "(SELECT min(first) FROM run WHERE first > ?1)) AS first";

interface RunRow {
  readonly first: number;
  readonly format: string;
  readonly topic: string | null;
  readonly arrived_ms: number;
  readonly ends: Uint8Array;
  readonly bytes: Uint8Array;
  readonly repeated: number;
}

/** Bytes that a run counts for among those of the inbox. */
export function weightOf({ records: { bytes, ends } }: RecordRun): number {
  return bytes.length + END_BYTES * ends.length + RUN_BYTES;
}

/**
 * The file of an inbox. A commit is one transaction that is on disk when it returns, so a crash leaves all of
 * it or nothing.
 */
export class InboxStore {
  /** Identity of the inbox: another file is another history. */
  readonly id: string;
  private readonly insertRun: StatementSync;
  private readonly insertRepeated: StatementSync;
  private readonly deleteRuns: StatementSync;
  private readonly deleteRepeated: StatementSync;
  private readonly setNext: StatementSync;
  private readonly selectFirst: StatementSync;
  private readonly selectPresent: StatementSync;
  private readonly answers: Readonly<Record<RequestMark, AnswerStore>>;
  private readonly identity: DatabaseIdentity;

  private constructor(
    private readonly database: DatabaseSync,
    path: string,
    private readonly mark: InboxMark,
  ) {
    this.identity = new DatabaseIdentity(path);
    database.prepare("INSERT INTO inbox SELECT ?, 0 WHERE NOT EXISTS (SELECT * FROM inbox)")
      .run(crypto.randomUUID());
    this.id = (database.prepare("SELECT id FROM inbox").get() as { id: string }).id;
    this.insertRun = database.prepare("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.insertRepeated = database.prepare("INSERT OR REPLACE INTO perhaps_repeated VALUES (?)");
    this.deleteRepeated = database.prepare("DELETE FROM perhaps_repeated WHERE first < ?");
    this.deleteRuns = database.prepare(
      "DELETE FROM run WHERE first + count <= ? AND first < ? RETURNING weight",
    );
    this.selectFirst = database.prepare("SELECT coalesce(min(first), ?) AS first FROM run");
    this.setNext = database.prepare("UPDATE inbox SET next = ?");
    this.selectPresent = database.prepare(SELECT_PRESENT);
    this.answers = {
      key: new AnswerStore(database, "key"),
      contents: new AnswerStore(database, "contents"),
    };
  }

  /** @throws {UnfitFile} or SQLite's error. */
  static open(path: string): InboxStore {
    const database = openAlone(path, SCHEMA + ANSWER_SCHEMA);
    let mark: InboxMark | undefined;
    try {
      mark = new InboxMark(path);
      return new InboxStore(database, path, mark);
    } catch (error) {
      mark?.close();
      database.close();
      throw error;
    }
  }

  /**
   * The offset of the oldest record, the one that the next record gets, and the weight of all runs; and how
   * many of the newest records are gone, though their senders were told that they are kept.
   */
  bounds(): {
    readonly first: number;
    readonly next: number;
    readonly weight: number;
    readonly gone: number;
  } {
    const bounds = this.database.prepare(
      "SELECT coalesce(min(first), (SELECT next FROM inbox)) AS first, (SELECT next FROM inbox) AS next, " +
        "coalesce(sum(weight), 0) AS weight FROM run",
    ).get() as unknown as { first: number; next: number; weight: number };
    const next = Math.max(bounds.next, this.promisedBy(this.id));
    return { ...bounds, next, gone: next - bounds.next };
  }

  /** The end of the inbox with this id, as the mark that was found has it; 0: nothing is known of it. */
  promisedBy(id: string): number {
    const { found } = this.mark;
    return found?.id === id ? found.next : 0;
  }

  /** Offset of the first record from this offset on; undefined: there is none. */
  presentFrom(offset: number): number | undefined {
    return (this.selectPresent.get(offset) as { first: number | null }).first ?? undefined;
  }

  /** Why nothing that is committed would be found again; undefined: it would be. */
  get fault(): string | undefined {
    const found = this.identity.fate;
    return found && `the inbox ${found.path} was ${found.fate} while the handler runs. Nothing more is ` +
        "received. Put it back where it was, and all goes on; or start the handler again, with an empty one";
  }

  /**
   * All or nothing. Returns the offset of the oldest record after it, and the weight of the deleted runs.
   *
   * @throws SQLite's error, or that the file has a {@link fault}.
   */
  commit({ runs, answers, next, trimTo }: InboxChange): { readonly first: number; readonly freed: number } {
    this.database.exec("BEGIN IMMEDIATE");
    try {
      for (const run of runs) this.add(run);
      for (const mark of ["key", "contents"] as const) {
        this.answers[mark].add(answers.filter((answer) => answer.mark === mark));
      }
      this.setNext.run(next);
      const deleted = this.deleteRuns.all(trimTo, trimTo) as unknown as { weight: number }[];
      const { first } = this.selectFirst.get(next) as { first: number };
      this.deleteRepeated.run(first);
      // A commit succeeds in a file that no name leads to, and is gone with it.
      const { fault } = this;
      if (fault !== undefined) throw new Error(fault);
      this.database.exec("COMMIT");
      if (runs.length > 0) this.mark.write({ id: this.id, next });
      return { first, freed: deleted.reduce((sum, { weight }) => sum + weight, 0) };
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw error;
    }
  }

  /**
   * The runs from the one with the record at this offset on, which must be in the inbox.
   *
   * @throws SQLite's error.
   */
  *runsFrom(offset: number): Generator<StoredRun> {
    for (const row of eachRow<RunRow>(this.database, SELECT_RUNS, offset)) {
      const { first, format, topic, arrived_ms: arrivedMs, ends, bytes, repeated } = row;
      yield {
        first,
        format: format as RecordFormat,
        topic: topic ?? undefined,
        arrivedMs,
        records: { bytes, ends: new Uint32Array(ends.slice().buffer) },
        mayBeRepeated: repeated === 1,
      };
    }
  }

  answerFor(mark: RequestMark, key: string): Pick<KeyedAnswer, "digest" | "answer"> | undefined {
    return this.answers[mark].answerFor(key);
  }

  /** The bytes of the bodies of the latest requests that are known by what they say, the latest first. */
  latestBodyLengths(requestsMax: number): number[] {
    return this.answers.contents.latestBodyLengths(requestsMax);
  }

  close(): void {
    if (!this.database.isOpen) return;
    this.database.close();
    this.mark.close();
  }

  private add(run: StoredRun): void {
    const { first, format, topic, arrivedMs, mayBeRepeated, records: { bytes, ends } } = run;
    const endBytes = new Uint8Array(ends.buffer, ends.byteOffset, ends.byteLength);
    this.insertRun.run(first, ends.length, weightOf(run), format, topic ?? null, arrivedMs, endBytes, bytes);
    if (mayBeRepeated) this.insertRepeated.run(first);
  }
}
