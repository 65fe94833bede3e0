import { crc32 } from "node:zlib";
import { openOwn, readOwn } from "../../platform/file/regular_file.ts";

interface Mark {
  readonly stateId: string;
  /** Least number of transactions of the state. */
  readonly commits: number;
  /** Whether the state was closed cleanly since. Then nothing is in a write-ahead log. */
  readonly isClosed: boolean;
}

/**
 * The least number of commits of the state, in a file beside it. SQLite reads a damaged write-ahead log up to
 * the damage: later transactions, which the bus and Kafka already know of, would be lost silently. The mark
 * is written after each commit and needs no fsync, since an older mark is only a weaker promise.
 */
export class CommitMark {
  private constructor(private readonly file: Deno.FsFile, private readonly stateId: string) {}

  /** The mark for the process that holds the state directory. */
  static open(directory: string, stateId: string): CommitMark {
    const path = CommitMark.pathIn(directory);
    return new CommitMark(openOwn(path), stateId);
  }

  static pathIn(directory: string): string {
    return `${directory}/commits`;
  }

  /** Commits that the state must have; 0 where nothing is known, or where the state may be from a backup. */
  static promised(directory: string, stateId: string): number {
    const mark = read(CommitMark.pathIn(directory));
    return mark === undefined || mark.isClosed || mark.stateId !== stateId ? 0 : mark.commits;
  }

  write({ commits, isClosed }: Omit<Mark, "stateId">): void {
    const text = `${this.stateId} ${String(commits).padStart(16)} ${isClosed ? "closed" : "open  "}`;
    try {
      this.file.seekSync(0, Deno.SeekMode.Start);
      this.file.writeSync(new TextEncoder().encode(`${text} ${checksumOf(text)}\n`));
    } catch {
      // Errors such as a full disk are ignored: the existing mark promises less and is still true.
    }
  }

  close(): void {
    this.file.close();
  }
}

/** Reads the mark; undefined: there is no complete one. The machine may have stopped while it was written. */
function read(path: string): Mark | undefined {
  let line: string;
  try {
    line = new TextDecoder().decode(readOwn(path));
  } catch {
    return undefined;
  }
  const [, text, stateId, commits, state, checksum] = /^((\S+) +(\d+) (open|closed) *) (\w+)\n$/.exec(line) ??
    [];
  if (text === undefined || checksum !== checksumOf(text)) return undefined;
  return { stateId: stateId!, commits: Number(commits), isClosed: state === "closed" };
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
