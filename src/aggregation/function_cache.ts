/** Names longer than this are not kept. Bytes. */
const NAME_BYTES = 64;
const FIRST_CELLS = 1 << 10;
/** About 9 MB. */
const MAX_CELLS = 1 << 17;

/**
 * A cache of the answers for the latest names: a direct-mapped table over typed arrays, so that a known name
 * is neither decoded nor matched again. The hash may cover more than the name, such as labels; each of its
 * values then has its own cell. The table grows, up to a bound, while names evict each other; beyond the
 * bound it only helps less.
 */
export class FunctionCache {
  /** The answer that {@link has} has found. */
  found = 0;

  private hashes = new Int32Array(FIRST_CELLS);
  private answers = new Int32Array(FIRST_CELLS);
  /** Length of the name in each cell; 0: the cell is empty. */
  private lengths = new Uint8Array(FIRST_CELLS);
  private names = new Uint8Array(FIRST_CELLS * NAME_BYTES);
  private evicted = 0;

  /** Whether the answer for a name is known. The name ends at `length`, or before it where a NUL stands. */
  has(bytes: Uint8Array, start: number, length: number, hash: number): boolean {
    const cell = this.cellOf(hash);
    const kept = this.lengths[cell]!;
    if (kept === 0 || this.hashes[cell] !== hash || kept > length) return false;
    if (kept < length && bytes[start + kept] !== 0) return false;
    const { names } = this;
    const from = cell * NAME_BYTES;
    for (let i = 0; i < kept; i++) if (names[from + i] !== bytes[start + i]) return false;
    this.found = this.answers[cell]!;
    return true;
  }

  /** Keeps the answer for a name. */
  put(name: Uint8Array, hash: number, answer: number): void {
    if (name.length > NAME_BYTES) return;
    let cell = this.cellOf(hash);
    if (this.lengths[cell]! > 0 && ++this.evicted > this.hashes.length && this.hashes.length < MAX_CELLS) {
      this.grow();
      cell = this.cellOf(hash);
    }
    this.hashes[cell] = hash;
    this.answers[cell] = answer;
    this.lengths[cell] = name.length;
    this.names.set(name, cell * NAME_BYTES);
  }

  /** Replaces the table by a larger one, which begins empty: its entries are asked for again. */
  private grow(): void {
    const cells = Math.min(MAX_CELLS, this.hashes.length * 4);
    this.hashes = new Int32Array(cells);
    this.answers = new Int32Array(cells);
    this.lengths = new Uint8Array(cells);
    this.names = new Uint8Array(cells * NAME_BYTES);
    this.evicted = 0;
  }

  private cellOf(hash: number): number {
    return (hash ^ (hash >>> 15)) & (this.hashes.length - 1);
  }
}
