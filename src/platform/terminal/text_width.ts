/** Characters that take no column of their own: they join the one before. */
const JOINED = /\p{M}/u;
/** Characters that take two columns on every terminal in use. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1f64f}]|[\u{1f900}-\u{1f9ff}]|[\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** Columns of a terminal that printable text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += widthOf(character);
  return columns;
}

/** The text in `columns` columns at most. Where it is longer, its end is an ellipsis. */
export function cutToColumns(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let [cut, width] = ["", 0];
  for (const character of text) {
    width += widthOf(character);
    if (width > columns - 1) break;
    cut += character;
  }
  return columns < 1 ? "" : `${cut}…`;
}

/** The text in exactly `columns` columns. */
export function fitToColumns(text: string, columns: number, alignment: "left" | "right" = "left"): string {
  const cut = cutToColumns(text, columns);
  const space = " ".repeat(Math.max(0, columns - columnsOf(cut)));
  return alignment === "left" ? cut + space : space + cut;
}

function widthOf(character: string): number {
  if (character.length === 1 && character < "\u0300") return 1;
  return JOINED.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}
