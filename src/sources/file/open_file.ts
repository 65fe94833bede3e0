import { SourceError } from "../../contract/source.ts";
import { denialOf, reasonOf } from "../../platform/log/denial.ts";
import { type FileContent, GzipContent, PlainContent } from "./file_content.ts";
import type { FileKey } from "./file_key.ts";
import { type FileMark, firstOf, lastStart, pointAt, printOf, type ReadPoint } from "./file_mark.ts";

/** The first bytes of what gzip has compressed. */
const MAGIC = [0x1f, 0x8b];

/** A part of a content that was read. */
export interface Piece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** What an empty file has. */
const NOTHING: FileContent = { read: () => Promise.resolve(0), storedBytesAt: () => 0, close: () => {} };

/** A file that is open, whatever becomes of its name. */
export class OpenFile {
  /** Of an empty file, what it will be is not known. */
  private known: { readonly isCompressed: boolean; readonly content: FileContent } | undefined;

  private constructor(
    readonly path: string,
    readonly device: number,
    readonly inode: number,
    private readonly file: Deno.FsFile,
  ) {}

  /**
   * @param expected Where that is another one, it cannot be had any more.
   *
   * @throws {SourceError} It cannot be read.
   */
  static async open(path: string, expected?: FileKey): Promise<OpenFile> {
    try {
      // Opening a pipe would wait for whoever writes to it.
      const named = await Deno.stat(path).catch((error) => linkOr(path, error));
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
      const opened = new OpenFile(path, dev, ino ?? 0, file);
      await opened.look();
      return opened;
    } catch (error) {
      throw sourceError(path, error);
    }
  }

  /** Sees by its first bytes, once they are there, whether it is compressed. @throws {SourceError} */
  async look(): Promise<void> {
    if (this.known !== undefined) return;
    const { file, path } = this;
    let magic: Uint8Array;
    try {
      magic = await bytesOf(file, 0, MAGIC.length);
    } catch (error) {
      throw sourceError(path, error);
    }
    const isCompressed = MAGIC.every((byte, i) => magic[i] === byte);
    // The first byte of a compressed file may be there alone, but begins no line.
    if (!isCompressed && (magic.length === 0 || (magic.length === 1 && magic[0] === MAGIC[0]))) return;
    this.known = {
      isCompressed,
      content: isCompressed ? new GzipContent(file, path) : new PlainContent(file),
    };
  }

  /** Whether it is compressed with gzip, as far as it can be seen. */
  get isCompressed(): boolean {
    return this.known?.isCompressed ?? false;
  }

  get content(): FileContent {
    return this.known?.content ?? NOTHING;
  }

  /** Bytes that it has on disk. @throws {SourceError} */
  async size(): Promise<number> {
    try {
      return (await this.file.stat()).size;
    } catch (error) {
      throw sourceError(this.path, error);
    }
  }

  /** Whether no name leads to it any more, matched or not. @throws {SourceError} */
  async isDeleted(): Promise<boolean> {
    try {
      return (await this.file.stat()).nlink === 0;
    } catch (error) {
      throw sourceError(this.path, error);
    }
  }

  /** Whether it is the file that a mark is in, and has not been written anew. @throws {SourceError} */
  async holds({ at, first, print, lastPrint }: FileMark): Promise<boolean> {
    const size = await this.size();
    if (size < first || (!this.isCompressed && size < at)) return false;
    if (await this.printOf(0, first) !== print) return false;
    return lastPrint === undefined || await this.lastPrintOf(at) === lastPrint;
  }

  /** Whether it holds a mark, if there is one, and the piece behind that. @throws {SourceError} */
  async has(mark: FileMark | undefined, piece: Piece): Promise<boolean> {
    if (mark !== undefined && !await this.holds(mark)) return false;
    const end = pointAt(piece.at + piece.bytes.length);
    return this.isCompressed || await this.holds(await this.markAt(end, this.path, piece));
  }

  /**
   * A mark in it.
   *
   * @param path The name that it has now.
   * @param piece What was read up to there. The mark is of it, also where the file was written anew since.
   *
   * @throws {SourceError}
   */
  async markAt(point: ReadPoint, path: string, piece?: Piece): Promise<FileMark> {
    const { at } = point;
    const read = this.isCompressed ? undefined : piece;
    // Of a file that grows, only what was read is sure to stay.
    const first = firstOf(this.isCompressed ? await this.size() : at);
    const print = await this.printOf(0, first, read);
    const { device, inode } = this;
    return { ...point, device, inode, first, print, lastPrint: await this.lastPrintOf(at, read), path };
  }

  close(): void {
    this.known?.content.close();
    this.file.close();
  }

  private async lastPrintOf(at: number, piece?: Piece): Promise<string | undefined> {
    const start = this.isCompressed ? undefined : lastStart(at);
    return start === undefined ? undefined : await this.printOf(start, at - start, piece);
  }

  private async printOf(start: number, length: number, piece?: Piece): Promise<string> {
    try {
      const bytes = await bytesOf(this.file, start, length);
      return printOf(piece === undefined ? bytes : withPiece(bytes, start, length, piece));
    } catch (error) {
      throw sourceError(this.path, error);
    }
  }
}

/** Fewer where it ends before. */
async function bytesOf(file: Deno.FsFile, start: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let count = 0;
  await file.seek(start, Deno.SeekMode.Start);
  while (count < length) {
    const read = await file.read(bytes.subarray(count));
    if (read === null) break;
    count += read;
  }
  return bytes.subarray(0, count);
}

/** The bytes from `start` on, as a piece has them where it is. */
function withPiece(found: Uint8Array, start: number, length: number, piece: Piece): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(found);
  const from = Math.max(start, piece.at);
  const part = piece.bytes.subarray(from - piece.at, Math.max(0, start + length - piece.at));
  if (part.length > 0) bytes.set(part, from - start);
  return bytes;
}

function notAFile(path: string, { isDirectory }: Deno.FileInfo): SourceError {
  const problem = isDirectory
    ? `is a directory: name the files in it, such as file://${path}/*.ndjson`
    : "is no regular file: a pipe is read as stdin:, with < before its name";
  return new SourceError("refused", `${path} ${problem}`);
}

/** @throws {SourceError} The name is a link that leads to nothing. */
async function linkOr(path: string, error: unknown): Promise<never> {
  const link = await Deno.lstat(path).catch(() => undefined);
  if (link?.isSymlink && error instanceof Deno.errors.NotFound) {
    const target = await Deno.readLink(path).catch(() => "?");
    throw new SourceError("unavailable", `${path} is a link to ${target}, which does not exist`);
  }
  throw error;
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
  const denial = denialOf(error);
  if (denial !== undefined) return new SourceError("refused", `${path}: ${denial}`, undefined, cause);
  return new SourceError("unavailable", `${path} cannot be read: ${reasonOf(error)}`, undefined, cause);
}
