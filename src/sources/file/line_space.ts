const RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Where a line ends without the blanks at its end.
 *
 * @param isCsv A tab may separate cells, the last of which may be empty. Where there is nothing else, it is
 * no row all the same.
 */
export function withoutSpace(bytes: Uint8Array, start: number, end: number, isCsv: boolean): number {
  let last = end;
  while (last > start && isSpace(bytes[last - 1])) last--;
  if (!isCsv || last === start) return last;
  let rowEnd = end;
  while (bytes[rowEnd - 1] !== TAB && rowEnd > last) rowEnd--;
  return rowEnd;
}

function isSpace(byte: number | undefined): boolean {
  return byte === RETURN || byte === SPACE || byte === TAB;
}
