import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Answer } from "./decoder.ts";
import type { BodyDigest } from "./request_digest.ts";

/** What a request is known by when it comes again: its `Idempotency-Key`, or what it says. */
export type RequestMark = "key" | "contents";

/** The answer to a request that may come again, and the digest of that request. */
export interface KeyedAnswer {
  readonly mark: RequestMark;
  /** Of `contents` a {@link contentsKey}. */
  readonly key: string;
  readonly digest: string;
  readonly answer: Answer;
}

/** What a request is known by that has no key. It begins with the bytes of the body. */
export function contentsKey({ bodyBytes, digest }: BodyDigest): string {
  return `${bodyBytes} ${digest}`;
}

const TABLES: Readonly<Record<RequestMark, { readonly name: string; readonly rowsMax: number }>> = {
  key: { name: "answer", rowsMax: 100_000 },
  // A sender that repeats itself does so within a minute or two. Requests with a key may take their time.
  contents: { name: "contents_answer", rowsMax: 20_000 },
};
const ENCODER = new TextEncoder();

export const ANSWER_SCHEMA = Object.values(TABLES).map(({ name }) => `
  CREATE TABLE IF NOT EXISTS ${name} (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL);
`).join("");

/** The latest answers to requests that are known by one mark. */
export class AnswerStore {
  private readonly insert: StatementSync;
  private readonly select: StatementSync;
  private readonly selectLengths: StatementSync;
  private readonly deleteOldest: StatementSync;
  private readonly rowsMax: number;

  /** @param database With {@link ANSWER_SCHEMA}. */
  constructor(database: DatabaseSync, mark: RequestMark) {
    const { name, rowsMax } = TABLES[mark];
    this.rowsMax = rowsMax;
    this.insert = database.prepare(
      `INSERT OR REPLACE INTO ${name} (key, digest, status, headers, body) VALUES (?, ?, ?, ?, ?)`,
    );
    this.select = database.prepare(`SELECT digest, status, headers, body FROM ${name} WHERE key = ?`);
    this.selectLengths = database.prepare(
      `SELECT CAST(key AS INTEGER) AS length FROM ${name} ORDER BY number DESC LIMIT ?`,
    );
    this.deleteOldest = database.prepare(
      `DELETE FROM ${name} WHERE number <= (SELECT max(number) FROM ${name}) - ?`,
    );
  }

  /** In the transaction that there is. */
  add(answers: readonly KeyedAnswer[]): void {
    for (const { key, digest, answer: { status, headers, body } } of answers) {
      const bytes = typeof body === "string" ? ENCODER.encode(body) : body;
      this.insert.run(key, digest, status, JSON.stringify(headers), bytes);
    }
    if (answers.length > 0) this.deleteOldest.run(this.rowsMax);
  }

  /** The bytes of the bodies of the latest requests, the latest first: see {@link contentsKey}. */
  latestBodyLengths(requestsMax: number): number[] {
    return this.selectLengths.all(requestsMax).map(({ length }) => length as number);
  }

  answerFor(key: string): Pick<KeyedAnswer, "digest" | "answer"> | undefined {
    const row = this.select.get(key) as
      | { digest: string; status: number; headers: string; body: Uint8Array<ArrayBuffer> }
      | undefined;
    if (row === undefined) return undefined;
    const { digest, status, headers, body } = row;
    return { digest, answer: { status, headers: JSON.parse(headers), body } };
  }
}
