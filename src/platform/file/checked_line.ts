import { crc32 } from "node:zlib";
import { openOwn, readOwn } from "./regular_file.ts";

/**
 * A file of one line with its checksum, which is written over again and again. It needs no fsync: the machine
 * may stop while the line is written, and then it is not whole. The lines of a file must be of one length.
 */
export class CheckedLine {
  private readonly file: Deno.FsFile;

  /** Makes the file where it is missing. */
  constructor(path: string) {
    this.file = openOwn(path);
  }

  /** What was written last; undefined: there is nothing, or it is not whole. */
  static read(path: string): string | undefined {
    let line: string;
    try {
      line = new TextDecoder().decode(readOwn(path));
    } catch {
      return undefined;
    }
    const [, text, checksum] = /^(.*) (\w+)\n$/.exec(line) ?? [];
    return text === undefined || checksum !== checksumOf(text) ? undefined : text;
  }

  /** Errors such as a full disk are ignored: the line that there was stays. */
  write(text: string): void {
    try {
      this.file.seekSync(0, Deno.SeekMode.Start);
      this.file.writeSync(new TextEncoder().encode(`${text} ${checksumOf(text)}\n`));
    } catch {
      // See above.
    }
  }

  close(): void {
    this.file.close();
  }
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
