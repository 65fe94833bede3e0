/**
 * Where the text begins that is at `at`: behind the byte order mark, if there is one. Programs of Windows put
 * it before a text. Files that were joined have one in their middle, too.
 */
export function textStart(bytes: Uint8Array, at = 0): number {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf ? at + 3 : at;
}
