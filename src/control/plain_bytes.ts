import { withoutSigns } from "./series_text.ts";

/** What stands in {@link PLAIN} for a byte that is not ASCII. */
export const BEYOND_ASCII = 255;

/** The byte of the plain character in lower case, by a byte of a text; 0: it is that of a sign. */
export const PLAIN: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x80) return BEYOND_ASCII;
  const plain = withoutSigns(String.fromCharCode(byte));
  return plain === "" ? 0 : plain.charCodeAt(0);
});
