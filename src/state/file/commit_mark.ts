import { CheckedLine } from "../../platform/file/checked_line.ts";

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
  private constructor(private readonly line: CheckedLine, private readonly stateId: string) {}

  /** The mark for the process that holds the state directory. */
  static open(directory: string, stateId: string): CommitMark {
    return new CommitMark(new CheckedLine(CommitMark.pathIn(directory)), stateId);
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
    // Where it cannot be written, the existing mark promises less and is still true.
    this.line.write(`${this.stateId} ${String(commits).padStart(16)} ${isClosed ? "closed" : "open  "}`);
  }

  close(): void {
    this.line.close();
  }
}

/** Reads the mark; undefined: there is no complete one. */
function read(path: string): Mark | undefined {
  const text = CheckedLine.read(path) ?? "";
  const [, stateId, commits, state] = /^(\S+) +(\d+) (open|closed) *$/.exec(text) ?? [];
  if (stateId === undefined) return undefined;
  return { stateId, commits: Number(commits), isClosed: state === "closed" };
}
