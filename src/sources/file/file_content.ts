import { Buffer } from "node:buffer";
import { createGunzip, type Gunzip } from "node:zlib";
import { SourceError } from "../../contract/source.ts";

/** Compressed bytes that are taken at once: each may become a thousand. */
const SLICE_BYTES = 16 * 1024;

/** The content of a file, whichever way it is stored. */
export interface FileContent {
  /**
   * Fills a part of `into` with what is at `at`, in bytes of the content. Returns how many bytes; 0: there
   * are none yet.
   *
   * @throws {SourceError}
   */
  read(at: number, into: Uint8Array): Promise<number>;
  /** How many bytes of the file are behind what is at `at`. */
  storedBytesAt(at: number): number;
  close(): void;
}

/** What stands in the file. */
export class PlainContent implements FileContent {
  constructor(private readonly file: Deno.FsFile) {}

  async read(at: number, into: Uint8Array): Promise<number> {
    await this.file.seek(at, Deno.SeekMode.Start);
    return await this.file.read(into) ?? 0;
  }

  storedBytesAt(at: number): number {
    return at;
  }

  close(): void {}
}

/**
 * What a file holds that is compressed with gzip, of one member or several. It can only be gone through
 * from its beginning.
 */
export class GzipContent implements FileContent {
  private gunzip: Gunzip | undefined;
  private rawAt = 0;
  /** Content that was not taken yet, and where its first byte is. */
  private pieces: Uint8Array[] = [];
  private at = 0;
  private hasEnded = false;
  private failure: Error | undefined;
  private onFailure = () => {};
  /** Bytes that the file had when it turned out to be damaged. */
  private damagedSize: number | undefined;
  private readonly slice = new Uint8Array(SLICE_BYTES);

  constructor(private readonly file: Deno.FsFile, private readonly path: string) {}

  async read(at: number, into: Uint8Array): Promise<number> {
    const isMended = this.damagedSize !== undefined && (await this.file.stat()).size !== this.damagedSize;
    if (this.gunzip === undefined || at < this.at || isMended) this.begin();
    while (this.pieces.length > 0 || await this.inflate()) {
      const piece = this.pieces[0]!;
      if (at < this.at + piece.length) {
        const part = piece.subarray(at - this.at, at - this.at + into.length);
        into.set(part);
        // It may be asked for again only from behind it.
        return part.length;
      }
      this.at += piece.length;
      this.pieces.shift();
    }
    return 0;
  }

  /** What was unpacked last is behind it. */
  storedBytesAt(): number {
    return this.rawAt;
  }

  close(): void {
    this.gunzip?.destroy();
    this.gunzip = undefined;
  }

  private begin(): void {
    this.close();
    this.rawAt = this.at = 0;
    this.pieces = [];
    this.hasEnded = false;
    this.failure = this.damagedSize = undefined;
    const gunzip = createGunzip();
    gunzip.on("data", (piece: Uint8Array) => this.pieces.push(piece));
    gunzip.on("error", (error: Error) => {
      this.failure = error;
      this.onFailure();
    });
    this.gunzip = gunzip;
  }

  /** Returns whether there is more content. */
  private async inflate(): Promise<boolean> {
    const gunzip = this.gunzip!;
    while (this.pieces.length === 0) {
      if (this.failure !== undefined) {
        this.damagedSize = (await this.file.stat()).size;
        throw this.damaged(this.failure);
      }
      if (this.hasEnded) return false;
      await this.file.seek(this.rawAt, Deno.SeekMode.Start);
      const count = await this.file.read(this.slice);
      this.hasEnded = count === null;
      this.rawAt += count ?? 0;
      await new Promise<void>((resolve) => {
        this.onFailure = resolve;
        if (count === null) {
          gunzip.once("end", resolve);
          gunzip.end();
        } else {
          gunzip.write(Buffer.from(this.slice.slice(0, count)), () => resolve());
        }
      });
    }
    return true;
  }

  private damaged({ message }: Error): SourceError {
    const what = /unexpected end/.test(message)
      ? "its compressed content is cut off in the middle"
      : `its compressed content is damaged (${message})`;
    return new SourceError(
      "garbage",
      `${this.path}: ${what}: what lies before that is counted; replace it by the whole file`,
    );
  }
}
