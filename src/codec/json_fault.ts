/** A number behind a colon whose comma can only be meant as a decimal point: a key begins with a quote. */
const DECIMAL_COMMA = /:\s*-?\d+(?=,\d)/y;

/** Why a text is no JSON, for the operator: a decimal comma by its position, from 1, or nothing more. */
export function jsonFault(text: string): string {
  let isInQuotes = false;
  // By hand: an expression that skips texts in quotes takes long where many quotes are open.
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isInQuotes && character === "\\") at++;
    else if (character === '"') isInQuotes = !isInQuotes;
    else if (!isInQuotes && character === ":") {
      DECIMAL_COMMA.lastIndex = at;
      if (!DECIMAL_COMMA.test(text)) continue;
      return `not JSON: a decimal comma, at character ${
        DECIMAL_COMMA.lastIndex + 1
      }; JSON has decimal points`;
    }
  }
  return "not JSON";
}
