import { crc32 } from "node:zlib";
import { openOwn, readOwn } from "../../platform/file/regular_file.ts";

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
  private readonly file: Deno.FsFile;

  constructor(inboxPath: string) {
    const path = `${inboxPath}.end`;
    this.file = openOwn(path);
    this.found = read(path);
  }

  write({ id, next }: Promised): void {
    const text = `${id} ${String(next).padStart(16)}`;
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

function read(path: string): Promised | undefined {
  const [, text, id, next, checksum] =
    /^((\S+) +(\d+)) (\w+)\n$/.exec(new TextDecoder().decode(readOwn(path))) ?? [];
  return text === undefined || checksum !== checksumOf(text) ? undefined : { id: id!, next: Number(next) };
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
