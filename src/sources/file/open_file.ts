import { SourceError } from "../../contract/source.ts";
import { type FileContent, GzipContent, PlainContent } from "./file_content.ts";
import { type FileMark, firstOf, printOf } from "./file_mark.ts";

/** Tells files apart that there are at the same time. */
export interface FileKey {
  readonly device: number;
  readonly inode: number;
}

/** A file that is open, whatever becomes of its name. */
export class OpenFile {
  readonly content: FileContent;

  private constructor(
    readonly path: string,
    readonly device: number,
    readonly inode: number,
    readonly isCompressed: boolean,
    private readonly file: Deno.FsFile,
  ) {
    this.content = isCompressed ? new GzipContent(file, path) : new PlainContent(file);
  }

  /**
   * @param expected Where that is another one, it cannot be had any more.
   *
   * @throws {SourceError} It cannot be read.
   */
  static async open(path: string, expected?: FileKey): Promise<OpenFile> {
    try {
      // Opening a pipe would wait for whoever writes to it.
      const named = await Deno.stat(path);
      if (!named.isFile) throw notAFile(path, named);
      const file = await Deno.open(path, { read: true });
      const { dev, ino } = await file.stat();
      if (expected !== undefined && (expected.device !== dev || expected.inode !== (ino ?? 0))) {
        file.close();
        throw new SourceError(
          "unavailable",
          `${path}: it was replaced by another file before it was read: what was in it cannot ` +
            `be read any more`,
        );
      }
      const magic = await beginningOf(file, 2);
      return new OpenFile(path, dev, ino ?? 0, magic[0] === 0x1f && magic[1] === 0x8b, file);
    } catch (error) {
      throw sourceError(path, error);
    }
  }

  /** Bytes that it has on disk. @throws {SourceError} */
  async size(): Promise<number> {
    try {
      return (await this.file.stat()).size;
    } catch (error) {
      throw sourceError(this.path, error);
    }
  }

  /** Whether it is the file that a mark is in, and has not been written anew. @throws {SourceError} */
  async holds({ at, first, print }: FileMark): Promise<boolean> {
    const size = await this.size();
    if (size < first || (!this.isCompressed && size < at)) return false;
    return printOf(await this.beginning(first)) === print;
  }

  /** A mark in it. @param path The name that it has now. @throws {SourceError} */
  async markAt(at: number, isInside: boolean, path: string): Promise<FileMark> {
    // Of a file that grows, only what was read is sure to stay.
    const first = firstOf(this.isCompressed ? await this.size() : at);
    const print = printOf(await this.beginning(first));
    const { device, inode } = this;
    return { at, isInside, device, inode, first, print, path };
  }

  close(): void {
    this.content.close();
    this.file.close();
  }

  private async beginning(length: number): Promise<Uint8Array> {
    try {
      return await beginningOf(this.file, length);
    } catch (error) {
      throw sourceError(this.path, error);
    }
  }
}

async function beginningOf(file: Deno.FsFile, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let count = 0;
  await file.seek(0, Deno.SeekMode.Start);
  while (count < length) {
    const read = await file.read(bytes.subarray(count));
    if (read === null) break;
    count += read;
  }
  return bytes.subarray(0, count);
}

function notAFile(path: string, { isDirectory }: Deno.FileInfo): SourceError {
  const problem = isDirectory
    ? `is a directory: name the files in it, such as file://${path}/*.ndjson`
    : "is no regular file: a pipe is read as stdin:, with < before its name";
  return new SourceError("refused", `${path} ${problem}`);
}

/** What the file system says, for the operator. */
export function sourceError(path: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  const cause = { cause: error };
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return new SourceError("unavailable", `${path}: there is no such file`, undefined, cause);
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    const problem = `${path}: the user that the handler runs as may not read it: give that user the right`;
    return new SourceError("refused", problem, undefined, cause);
  }
  const message = error instanceof Error ? error.message : String(error);
  return new SourceError("unavailable", `${path} cannot be read: ${message}`, undefined, cause);
}
