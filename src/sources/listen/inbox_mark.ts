import { CheckedLine } from "../../platform/file/checked_line.ts";

/** How far an inbox had come, at least. */
export interface Promised {
  readonly id: string;
  /** Offset after the records that senders were told are kept. */
  readonly next: number;
}

/**
 * How far senders were told that their records are kept, in a file beside the inbox. SQLite reads a damaged
 * write-ahead log up to the damage, and a file that is gone is made anew: the records behind that would be
 * lost without a word. The mark is written after each commit and needs no fsync, since an older mark is only
 * a weaker promise.
 */
export class InboxMark {
  /** What was found; undefined: nothing, or it is not whole. */
  readonly found: Promised | undefined;
  private readonly line: CheckedLine;

  constructor(inboxPath: string) {
    const path = `${inboxPath}.end`;
    this.line = new CheckedLine(path);
    this.found = read(path);
  }

  write({ id, next }: Promised): void {
    // Where it cannot be written, the existing mark promises less and is still true.
    this.line.write(`${id} ${String(next).padStart(16)}`);
  }

  close(): void {
    this.line.close();
  }
}

function read(path: string): Promised | undefined {
  const [, id, next] = /^(\S+) +(\d+)$/.exec(CheckedLine.read(path) ?? "") ?? [];
  return id === undefined ? undefined : { id, next: Number(next) };
}
