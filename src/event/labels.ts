/** Labels of a series at most. */
export const LABELS_MAX = 32;
/**
 * Bytes at most of a name with the keys and values of its labels, as UTF-8. With the other columns they must
 * fit into a row of a PostgreSQL index.
 */
export const SERIES_MAX_BYTES = 2048;

/** Separates the name from the labels in the key of a series. No name contains it. */
const SEPARATOR = "\0";

/** No label may contain such a character. */
const CONTROL_CHARACTER = /\p{Cc}/u;
const ENCODER = new TextEncoder();

/**
 * The canonical text of a set of labels, independent of their order: JSON without spaces, with keys in the
 * order of their UTF-8 bytes. It is "" where there are no labels.
 */
export function canonicalLabels(labels: Readonly<Record<string, string>>): string {
  const keys = Object.keys(labels).sort(byCodePoints);
  if (keys.length === 0) return "";
  return `{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(labels[key])}`).join(",")}}`;
}

/** What is wrong with the labels of an event, for the operator; undefined: they are valid. */
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

/** The labels of a series without any, as an SQL table has them. */
export const NO_LABELS = "{}";

/** The property `labels` of an aggregate. */
export function labelsOf(labels: Readonly<Record<string, string>>): { readonly labels?: string } {
  const canonical = canonicalLabels(labels);
  return canonical === "" ? {} : { labels: canonical };
}

/** As {@link labelsOf}, from any JSON text of the labels. JSON that is not an object is kept as it is. */
export function labelsIn(json: string): { readonly labels?: string } {
  if (json === NO_LABELS) return {};
  const parsed: unknown = JSON.parse(json);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return { labels: json };
  return labelsOf(parsed as Record<string, string>);
}

/**
 * Whether a series has these labels, besides others.
 *
 * @param labels The canonical labels of the series; undefined: it has none.
 */
export function hasLabels(labels: string | undefined, wanted: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(wanted);
  if (entries.length === 0) return true;
  if (labels === undefined) return false;
  const own = new Map(Object.entries(JSON.parse(labels)));
  return entries.every(([key, value]) => own.get(key) === value);
}

/** The key of a series: its name and its canonical labels. Without labels it is the name alone. */
export function seriesKey(name: string, labels = ""): string {
  return labels === "" ? name : name + SEPARATOR + labels;
}

/** A series' name and, where it has some, its canonical labels. */
export function seriesOf(key: string): { readonly name: string; readonly labels?: string } {
  const end = key.indexOf(SEPARATOR);
  return end < 0 ? { name: key } : { name: key.slice(0, end), labels: key.slice(end + 1) };
}

/** A series for people: `oven.temperature{line=4,site=north}`. */
export function seriesInWords(
  { labels, name }: { readonly name: string; readonly labels?: string | undefined },
): string {
  if (labels === undefined) return name;
  const pairs = Object.entries(JSON.parse(labels)).map(([key, value]) => `${key}=${value}`);
  return `${name}{${pairs.join(",")}}`;
}

/** Where the name ends in the bytes of a key, which is `[start, end)` of them. */
export function nameEnd(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let at = start;
  while (at < end && bytes[at] !== 0) at++;
  return at;
}

/** The order of the bytes that two texts have as UTF-8, which is not that of their UTF-16 code units. */
export function byCodePoints(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}
