/** Labels a series has at most. */
export const LABELS_MAX = 32;
/** A name with the keys and values of its labels, UTF-8: as much as fits a row of a PostgreSQL index, with all else that is in it. */
export const SERIES_MAX_BYTES = 2048;

/** Stands between a name and its labels in the key of a series. No name has it. */
const SEPARATOR = "\0";

/** Text with which nothing is wrong. */
const CONTROL_CHARACTER = /\p{Cc}/u;
const ENCODER = new TextEncoder();

/**
 * The one text of a set of labels, whatever order they come in: JSON without spaces, keys in the order of their UTF-8 bytes.
 * "" where there are none.
 */
export function canonicalLabels(labels: Readonly<Record<string, string>>): string {
  const keys = Object.keys(labels).sort(byCodePoints);
  if (keys.length === 0) return "";
  return `{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(labels[key])}`).join(",")}}`;
}

/** What is wrong with the labels of an event, for the operator; undefined: they are labels. */
export function labelsProblem(name: string, labels: unknown): string | undefined {
  if (typeof labels !== "object" || labels === null || Array.isArray(labels)) {
    return "labels are not an object";
  }
  const entries = Object.entries(labels as Record<string, unknown>);
  if (entries.length > LABELS_MAX) return `more than ${LABELS_MAX} labels`;
  let bytes = ENCODER.encode(name).length;
  for (const [key, value] of entries) {
    if (typeof value !== "string") return "a label's value is not text";
    for (const text of [key, value]) {
      if (CONTROL_CHARACTER.test(text)) return "a label with a control character";
      if (!text.isWellFormed()) return "a label with half a surrogate pair";
      bytes += ENCODER.encode(text).length;
    }
  }
  return bytes > SERIES_MAX_BYTES
    ? `name and labels longer than ${SERIES_MAX_BYTES} bytes together`
    : undefined;
}

/** What a table holds for a series without labels. */
export const NO_LABELS = "{}";

/** Labels as a part of an aggregate. */
export function labelsOf(labels: Readonly<Record<string, string>>): { readonly labels?: string } {
  const canonical = canonicalLabels(labels);
  return canonical === "" ? {} : { labels: canonical };
}

/** The same, from any JSON text of them. */
export function labelsIn(json: string): { readonly labels?: string } {
  if (json === NO_LABELS) return {};
  const parsed: unknown = JSON.parse(json);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return { labels: json };
  return labelsOf(parsed as Record<string, string>);
}

/** What stands for a name and its canonical labels, so that a series without labels is its name alone. */
export function seriesKey(name: string, labels = ""): string {
  return labels === "" ? name : name + SEPARATOR + labels;
}

/** A series' name and, where it has some, its canonical labels. */
export function seriesOf(key: string): { readonly name: string; readonly labels?: string } {
  const end = key.indexOf(SEPARATOR);
  return end < 0 ? { name: key } : { name: key.slice(0, end), labels: key.slice(end + 1) };
}

/** Where the name ends in the bytes of a key. */
export function nameEnd(key: Uint8Array): number {
  const end = key.indexOf(0);
  return end < 0 ? key.length : end;
}

/** The order of UTF-8 bytes, which that of UTF-16 units is not. */
function byCodePoints(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}
