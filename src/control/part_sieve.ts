import { nameEnd } from "../event/labels.ts";
import { hashBytes } from "../event/text_hash.ts";
import type { KeyColumn } from "../state/checkpoint/key_column.ts";

const ENCODER = new TextEncoder();

/**
 * As `SeriesSieve`, for whole names and whole labels: tells by the bytes of a key that its series has neither
 * one of these names nor one of these sets of labels.
 */
export class PartSieve {
  private readonly hashes: ReadonlySet<number>;

  /** @param labels In their canonical form. */
  constructor(names: Iterable<string>, labels: Iterable<string>) {
    this.hashes = new Set([...names, ...labels].map((text) => {
      const bytes = ENCODER.encode(text);
      return hashBytes(bytes, 0, bytes.length);
    }));
  }

  /** Whether the series of a key surely has none of them. */
  excludes(keys: KeyColumn, row: number): boolean {
    const [start, end] = [keys.start(row), keys.end(row)];
    const middle = nameEnd(keys.bytes, start, end);
    return !this.hashes.has(hashBytes(keys.bytes, start, middle - start)) &&
      (middle === end || !this.hashes.has(hashBytes(keys.bytes, middle + 1, end - middle - 1)));
  }
}
