import { atOnce, type Steps } from "../clock/steps.ts";

/** An element is one byte at least, with which 64 bytes come again at most, and takes two more then. */
const RATIO_MAX = 22;
const LENGTH_MAX_BYTES = 5;
/** Up to so many bytes, a loop is quicker than a call. */
const SHORT_BYTES = 24;
/** Bytes of a step, decompressed. */
const STEP_BYTES = 256 * 1024;

/** Bytes that are no block of Snappy. The message says why, and where. */
export class SnappyFault extends Error {
  override readonly name: string = "SnappyFault";
}

/** A block that would become more than is read. */
export class SnappyExcess extends SnappyFault {
  override readonly name = "SnappyExcess";
}

/**
 * Decompresses a block of Snappy (`format_description.txt` of google/snappy). The declared length is checked
 * against a bound, and against what so many bytes can become, before memory is taken. Every copy is checked,
 * and the block must come to exactly its declared length.
 *
 * @throws {SnappyFault} with the place of the fault
 */
export function decompressSnappyBlock(block: Uint8Array, maxBytes: number): Uint8Array<ArrayBuffer> {
  return atOnce(decompressInSteps(block, maxBytes));
}

/** The same in steps, so that others have their turn. @throws {SnappyFault} */
export function* decompressInSteps(
  block: Uint8Array,
  maxBytes: number,
): Steps<Uint8Array<ArrayBuffer>> {
  const { length, bodyStart } = declaredLength(block);
  if (length > maxBytes) {
    throw new SnappyExcess(`it would have ${length} bytes uncompressed, and ${maxBytes} are read`);
  }
  if (length > block.length * RATIO_MAX) throw fault(`${length} bytes cannot come of ${block.length}`, 0);
  if (length > STEP_BYTES) yield length;
  const out = new Uint8Array(length);
  let [size, stepAt] = [0, STEP_BYTES];
  for (let at = bodyStart; at < block.length;) {
    const start = at;
    const tag = block[at++]!;
    const kind = tag & 3;
    const extra = kind === 0 ? Math.max(0, (tag >> 2) - 59) : kind === 3 ? 4 : kind;
    if (extra > block.length - at) throw fault("it is cut off", start);
    const number = numberAt(block, at, extra);
    at += extra;
    const isLiteral = kind === 0;
    const count = isLiteral
      ? (extra === 0 ? tag >> 2 : number) + 1
      : kind === 1
      ? ((tag >> 2) & 7) + 4
      : (tag >> 2) + 1;
    if (count > length - size) throw fault("it has more than its declared length", start);
    if (isLiteral) {
      if (count > block.length - at) throw fault("it is cut off", start);
      if (count <= SHORT_BYTES) { for (let i = 0; i < count; i++) out[size + i] = block[at + i]!; }
      else out.set(block.subarray(at, at + count), size);
      at += count;
    } else {
      const offset = kind === 1 ? number + ((tag >> 5) << 8) : number;
      if (offset === 0 || offset > size) throw fault("a copy is of nothing", start);
      copyBack(out, size, offset, count);
    }
    size += count;
    if (size < stepAt) continue;
    stepAt = size + STEP_BYTES;
    yield length;
  }
  if (size !== length) throw fault(`it ends after ${size} of ${length} bytes`, block.length);
  return out;
}

/** A number of so many bytes, little endian. */
function numberAt(block: Uint8Array, at: number, bytes: number): number {
  if (bytes === 0) return 0;
  let number = block[at]!;
  if (bytes > 1) number |= block[at + 1]! << 8;
  if (bytes > 2) number |= block[at + 2]! << 16;
  return bytes > 3 ? number + block[at + 3]! * 2 ** 24 : number;
}

/** What is copied may overlap what it is copied to: then it repeats. */
function copyBack(out: Uint8Array, to: number, offset: number, count: number): void {
  if (offset >= count && count > SHORT_BYTES) out.copyWithin(to, to - offset, to - offset + count);
  else for (let i = to, end = to + count; i < end; i++) out[i] = out[i - offset]!;
}

function declaredLength(block: Uint8Array): { readonly length: number; readonly bodyStart: number } {
  let length = 0;
  for (let at = 0; at < LENGTH_MAX_BYTES && at < block.length; at++) {
    length += (block[at]! & 0x7f) * 2 ** (7 * at);
    if (block[at]! < 0x80) return { length, bodyStart: at + 1 };
  }
  throw fault("it does not begin with its length", 0);
}

function fault(what: string, at: number): SnappyFault {
  return new SnappyFault(`it is no block of Snappy: ${what} (at byte ${at})`);
}
