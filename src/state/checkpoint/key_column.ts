import { Buffer, isAscii } from "node:buffer";
import { ColumnError } from "./columns.ts";

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** The keys of series as UTF-8, one after another; see `labels.ts`. They are addressed by their row. */
export class KeyColumn {
  readonly rowCount: number;
  /** Where each key ends in `bytes`. */
  private readonly ends: Int32Array;
  /** The same bytes, where all of them are ASCII; null: they are not; undefined: nobody has asked yet. */
  private ascii: Buffer | null | undefined;

  /** @throws {ColumnError} The lengths do not add up to the bytes. */
  constructor(readonly bytes: Uint8Array, lengths: Uint16Array) {
    this.rowCount = lengths.length;
    this.ends = new Int32Array(this.rowCount);
    let end = 0;
    for (let row = 0; row < this.rowCount; row++) this.ends[row] = end += lengths[row]!;
    if (end !== bytes.length) throw new ColumnError("the names of a block of columns are cut off");
  }

  /** Where a key begins in `bytes`. A view for each key would be very many objects. */
  start(row: number): number {
    return row === 0 ? 0 : this.ends[row - 1]!;
  }

  end(row: number): number {
    return this.ends[row]!;
  }

  /** Bytes of a key. */
  length(row: number): number {
    return this.end(row) - this.start(row);
  }

  bytesOf(row: number): Uint8Array {
    return this.bytes.subarray(this.start(row), this.end(row));
  }

  /**
   * A buffer takes less than half as long as the decoder to make a short text. The parts of one long text
   * would be had for less, but whoever compares them then takes twice as long.
   */
  text(row: number): string {
    if (this.ascii === undefined) this.ascii = asAscii(this.bytes);
    return this.ascii === null
      ? DECODER.decode(this.bytesOf(row))
      : this.ascii.toString("latin1", this.start(row), this.end(row));
  }
}

function asAscii(bytes: Uint8Array): Buffer | null {
  if (!isAscii(bytes)) return null;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
