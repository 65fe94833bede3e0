import { DatabaseSync } from "node:sqlite";

/** How many connections of this process each SQLite file has, by {@link keyOf} its file. */
const connections = new Map<string, number>();

/**
 * A connection to an SQLite file that {@link isOpenAsDatabase} knows of until it is closed.
 *
 * SQLite's locks are POSIX locks, which belong to the process and the file. To open the file by other means,
 * and to close it again, ends them all, without a word to SQLite. Another process may then delete the
 * write-ahead log from under this one.
 */
export class CountedDatabase extends DatabaseSync {
  private key: string | undefined;

  constructor(path: string, options: ConstructorParameters<typeof DatabaseSync>[1]) {
    super(path, options);
    this.key = keyOf(path);
    if (this.key !== undefined) connections.set(this.key, (connections.get(this.key) ?? 0) + 1);
  }

  override close(): void {
    super.close();
    const { key } = this;
    this.key = undefined;
    if (key === undefined) return;
    const left = connections.get(key)! - 1;
    if (left === 0) connections.delete(key);
    else connections.set(key, left);
  }
}

/** Whether this process has the file open through SQLite, by whatever name. */
export function isOpenAsDatabase(path: string): boolean {
  const key = keyOf(path);
  return key !== undefined && connections.has(key);
}

/** The file that a name leads to; undefined: there is none, or it cannot be looked at. */
function keyOf(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
