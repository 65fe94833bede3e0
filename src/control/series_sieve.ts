import type { KeyColumn } from "../state/checkpoint/key_column.ts";
import { BEYOND_ASCII, PLAIN } from "./plain_bytes.ts";
import { withoutSigns } from "./series_text.ts";

const ENCODER = new TextEncoder();
/** Bytes of most keys; of longer ones there is more room. */
const USUAL_BYTES = 512;

/**
 * Tells by the bytes of a key that its series has not what is looked for. Of a hundred thousand series, most
 * have not, and to decode them takes ten times as long. What it lets pass must be looked at all the same.
 */
export class SeriesSieve {
  /** The plain characters that are looked for; none: they cannot be looked for by bytes. */
  private readonly text: Uint8Array;
  /** The labels that are looked for, as canonical labels have them. */
  private readonly pairs: readonly Uint8Array[];
  /** Plain characters of a key. */
  private plain = new Uint8Array(USUAL_BYTES);

  /** @param text As of `seriesMatcher`. @param labels As of `hasLabels`. */
  constructor(text: string, labels: Readonly<Record<string, string>>) {
    const sought = ENCODER.encode(withoutSigns(text));
    // Beyond ASCII, a character in lower case may have another number of bytes.
    this.text = sought.every((byte) => byte < 0x80) ? sought : new Uint8Array();
    this.pairs = Object.entries(labels).map(([key, value]) =>
      ENCODER.encode(`${JSON.stringify(key)}:${JSON.stringify(value)}`)
    );
  }

  /** Whether the series of a key is surely not looked for. */
  excludes(keys: KeyColumn, row: number): boolean {
    const [start, end] = [keys.start(row), keys.end(row)];
    for (const pair of this.pairs) if (!has(keys.bytes, start, end, pair)) return true;
    return this.text.length > 0 && !this.mayHaveText(keys.bytes, start, end);
  }

  private mayHaveText(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start > this.plain.length) this.plain = new Uint8Array(end - start);
    const { plain } = this;
    let length = 0;
    for (let i = start; i < end; i++) {
      const byte = PLAIN[bytes[i]!]!;
      if (byte === BEYOND_ASCII) return true;
      if (byte !== 0) plain[length++] = byte;
    }
    return has(plain, 0, length, this.text);
  }
}

/** Whether bytes are in `[start, end)` of others. */
function has(bytes: Uint8Array, start: number, end: number, sought: Uint8Array): boolean {
  const first = sought[0];
  for (let at = start; at <= end - sought.length; at++) {
    if (bytes[at] !== first) continue;
    let i = 1;
    while (i < sought.length && bytes[at + i] === sought[i]) i++;
    if (i === sought.length) return true;
  }
  return false;
}
