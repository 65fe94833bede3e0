const PLAIN = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const DECIMAL_COMMA = /^[+-]?\d+,\d+$/;
/** As JSON, Python and spreadsheets write them. */
const TRUE = /^(?:true|True|TRUE)$/;
const FALSE = /^(?:false|False|FALSE)$/;
const SHOWN_CHARACTERS = 40;

/**
 * A number in a record: one as it is, in quotes, or a boolean; or the rest of a sentence that says why it is
 * none.
 */
export function numberIn(value: unknown): number | string {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? value : "is not a finite number";
    case "boolean":
      return value ? 1 : 0;
    case "string":
      return numberInText(value);
    default:
      return `is ${kindOf(value)}, and no number`;
  }
}

function numberInText(text: string): number | string {
  const trimmed = text.trim();
  if (PLAIN.test(trimmed)) {
    const number = Number(trimmed);
    return Number.isFinite(number) ? number : `${shown(text)} is not a finite number`;
  }
  if (TRUE.test(trimmed)) return 1;
  if (FALSE.test(trimmed)) return 0;
  return DECIMAL_COMMA.test(trimmed)
    ? `${shown(text)} has a decimal comma; decimals stand behind a point`
    : `${shown(text)} is no number`;
}

/**
 * Whether a text is meant as a number: one, or one with a decimal comma or beyond what a double holds. Where
 * any number is an event, such a text has to be refused, since leaving it out would lose a reading.
 */
export function isMeantAsNumber(text: string): boolean {
  const trimmed = text.trim();
  return typeof numberInText(trimmed) === "number" || PLAIN.test(trimmed) || DECIMAL_COMMA.test(trimmed);
}

/** What a value of JSON is, where it is not what was looked for. */
export function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);
}
