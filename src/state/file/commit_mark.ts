import { crc32 } from "node:zlib";
import { openOwn, readOwn } from "../../platform/file/regular_file.ts";

interface Mark {
  readonly stateId: string;
  /** Transactions that the state has had at least. */
  readonly commits: number;
  /** Whether the state was closed in good order since: nothing of it is in a write-ahead log then. */
  readonly isClosed: boolean;
}

/**
 * How far the state has come at least, in a file beside it. SQLite takes a damaged write-ahead log for one that ends before the
 * damage: transactions that were committed, and told to the bus and to Kafka, would be gone without a word. The mark is written
 * after each commit and needs no fsync, since an older one only promises less.
 */
export class CommitMark {
  private constructor(private readonly file: Deno.FsFile, private readonly stateId: string) {}

  /** For the process that holds the state directory. */
  static open(directory: string, stateId: string): CommitMark {
    const path = CommitMark.pathIn(directory);
    return new CommitMark(openOwn(path), stateId);
  }

  static pathIn(directory: string): string {
    return `${directory}/commits`;
  }

  /** Commits that the state must have had; 0 where nothing is known or it may have been put back from a backup. */
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
      // A full disk, say: the mark that is there promises less, and is still true.
    }
  }

  close(): void {
    this.file.close();
  }
}

/** Undefined where there is none, or half of one: the machine may have stopped in the middle of writing it. */
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
