/** The polynomial of Castagnoli, its bits reversed. */
const POLYNOMIAL = 0x82f63b78;
/** Bytes that one step takes. */
const STEP = 16;

/**
 * At `256 * k + byte`: what the byte does to the checksum `k` bytes later. So a step takes {@link STEP} bytes
 * with as many look-ups that do not wait for each other.
 */
const TABLE = new Int32Array(256 * STEP);

for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? POLYNOMIAL : 0);
  TABLE[byte] = value;
}
for (let i = 256; i < TABLE.length; i++) {
  const before = TABLE[i - 256]!;
  TABLE[i] = (before >>> 8) ^ TABLE[before & 0xff]!;
}

/** The CRC-32C of bytes (RFC 3720), as an unsigned number of 32 bits. */
export function crc32c(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = -1;
  let at = 0;
  for (const end = bytes.length - STEP; at <= end; at += STEP) {
    const first = crc ^ view.getInt32(at, true);
    const second = view.getInt32(at + 4, true);
    const third = view.getInt32(at + 8, true);
    const fourth = view.getInt32(at + 12, true);
    crc = TABLE[15 * 256 + (first & 0xff)]! ^ TABLE[14 * 256 + (first >>> 8 & 0xff)]! ^
      TABLE[13 * 256 + (first >>> 16 & 0xff)]! ^ TABLE[12 * 256 + (first >>> 24)]! ^
      TABLE[11 * 256 + (second & 0xff)]! ^ TABLE[10 * 256 + (second >>> 8 & 0xff)]! ^
      TABLE[9 * 256 + (second >>> 16 & 0xff)]! ^ TABLE[8 * 256 + (second >>> 24)]! ^
      TABLE[7 * 256 + (third & 0xff)]! ^ TABLE[6 * 256 + (third >>> 8 & 0xff)]! ^
      TABLE[5 * 256 + (third >>> 16 & 0xff)]! ^ TABLE[4 * 256 + (third >>> 24)]! ^
      TABLE[3 * 256 + (fourth & 0xff)]! ^ TABLE[2 * 256 + (fourth >>> 8 & 0xff)]! ^
      TABLE[256 + (fourth >>> 16 & 0xff)]! ^ TABLE[fourth >>> 24]!;
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 0xff]!;
  return (crc ^ -1) >>> 0;
}
