import { createHash } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { BirthMessage } from "../../../codec/sparkplug/sparkplug_reader.ts";
import { openAlone } from "../../../platform/file/lone_database.ts";

/** A certificate that is in force. */
export interface RollMember {
  /** Identity of its message. */
  readonly digest: string;
  readonly isDoubtful: boolean;
}

/** A certificate as it is kept: its message, from which all else follows. */
export type StoredCertificate = RollMember & BirthMessage;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS certificate (digest TEXT PRIMARY KEY, topic TEXT NOT NULL, message BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS roll (number INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL,
    members TEXT NOT NULL);
`;
const DOUBTFUL = "?";

/**
 * The file of the birth certificates that a handler needs after a restart. A roll is the list of those in
 * force at some position of the bus, and never changes. The position names its roll by number and digest. So
 * whatever becomes of the file and of the state, a position has the roll that was saved with it, or none.
 *
 * A roll is on disk before the position that names it is handed out. It is deleted only when a position with
 * a later roll is on disk. So each position that a crash may leave in force finds its roll.
 */
export class CertificateStore {
  private readonly insertCertificate: StatementSync;
  private readonly insertRoll: StatementSync;
  private readonly selectRoll: StatementSync;
  private readonly selectCertificate: StatementSync;
  private readonly deleteRolls: StatementSync;
  private readonly deleteCertificates: StatementSync;

  private constructor(private readonly database: DatabaseSync) {
    this.insertCertificate = database.prepare("INSERT OR IGNORE INTO certificate VALUES (?, ?, ?)");
    this.insertRoll = database.prepare("INSERT INTO roll (digest, members) VALUES (?, ?)");
    this.selectRoll = database.prepare("SELECT members FROM roll WHERE number = ? AND digest = ?");
    this.selectCertificate = database.prepare("SELECT topic, message FROM certificate WHERE digest = ?");
    this.deleteRolls = database.prepare("DELETE FROM roll WHERE number < ?");
    this.deleteCertificates = database.prepare(
      "DELETE FROM certificate WHERE digest NOT IN " +
        `(SELECT rtrim(value, '${DOUBTFUL}') FROM roll, json_each(roll.members))`,
    );
  }

  /** @throws {UnfitFile} or SQLite's error. */
  static open(path: string): CertificateStore {
    const database = openAlone(path, SCHEMA);
    try {
      return new CertificateStore(database);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /**
   * Saves a roll, on disk when it returns. Returns its name.
   *
   * @param births The messages of certificates that were never saved, by their digests.
   * @throws SQLite's error. Nothing is saved then.
   */
  save(members: readonly RollMember[], births: ReadonlyMap<string, BirthMessage>): string {
    const text = JSON.stringify(
      members.map(({ digest, isDoubtful }) => isDoubtful ? digest + DOUBTFUL : digest),
    );
    const digest = createHash("sha256").update(text).digest("base64url").slice(0, 16);
    return this.transaction(() => {
      const number = Number(this.insertRoll.run(digest, text).lastInsertRowid);
      for (const { digest } of members) {
        const birth = births.get(digest);
        if (birth !== undefined) this.insertCertificate.run(digest, birth.topic, birth.bytes);
      }
      return `${number}.${digest}`;
    });
  }

  /** The certificates of a roll; undefined: it is not here in whole. */
  load(name: string): StoredCertificate[] | undefined {
    const { digest, number } = partsOf(name);
    const row = this.selectRoll.get(number, digest) as { members: string } | undefined;
    if (row === undefined) return undefined;
    const certificates: StoredCertificate[] = [];
    for (const member of JSON.parse(row.members) as string[]) {
      const isDoubtful = member.endsWith(DOUBTFUL);
      const digest = isDoubtful ? member.slice(0, -1) : member;
      const found = this.selectCertificate.get(digest) as
        | { topic: string; message: Uint8Array }
        | undefined;
      if (found === undefined) return undefined;
      certificates.push({ digest, isDoubtful, topic: found.topic, bytes: found.message });
    }
    return certificates;
  }

  /**
   * Deletes what was saved before this roll.
   *
   * @throws SQLite's error. Nothing is deleted then.
   */
  keepFrom(name: string): void {
    const { number } = partsOf(name);
    this.transaction(() => {
      if (this.deleteRolls.run(number).changes > 0) this.deleteCertificates.run();
    });
  }

  close(): void {
    if (this.database.isOpen) this.database.close();
  }

  private transaction<T>(change: () => T): T {
    this.database.exec("BEGIN IMMEDIATE");
    try {
      const result = change();
      this.database.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw error;
    }
  }
}

function partsOf(name: string): { readonly number: number; readonly digest: string } {
  const [number = "", digest = ""] = name.split(".");
  return { number: Number(number), digest };
}
