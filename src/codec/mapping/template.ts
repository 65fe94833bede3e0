/** A place in a record, as a JSON Pointer (RFC 6901). */
export interface Pointer {
  readonly text: string;
  readonly tokens: readonly string[];
}

/** What a template leaves open. */
export type Hole =
  | { readonly kind: "pointer"; readonly text: string; readonly pointer: Pointer }
  | { readonly kind: "level"; readonly text: string; readonly level: number }
  | { readonly kind: "tag"; readonly text: string; readonly tag: string }
  | { readonly kind: "property"; readonly text: string; readonly property: string }
  | { readonly kind: PlainHole; readonly text: string };

export type HoleKind = Hole["kind"];

/** Holes that are a word alone. */
const PLAIN_HOLES = [
  "topic",
  "key",
  "measurement",
  "field",
  "column",
  "path",
  "group",
  "node",
  "device",
  "metric",
] as const;
type PlainHole = typeof PLAIN_HOLES[number];

/** Text with holes. */
export interface Template {
  readonly text: string;
  readonly parts: readonly (string | Hole)[];
}

/** What is wrong with a text, as the rest of a sentence whose subject is its setting, and where in it. */
export interface TemplateFault {
  readonly problem: string;
  /** UTF-16 units from its beginning. */
  readonly at: number;
}

/** How the holes of each kind are written, for messages. */
const FORMS: Readonly<Record<HoleKind, string>> = {
  pointer: "{/json/pointer}",
  topic: "{topic}",
  level: "{topic[0]}",
  key: "{key}",
  measurement: "{measurement}",
  field: "{field}",
  tag: "{tag:NAME}",
  column: "{column}",
  path: "{path}",
  group: "{group}",
  node: "{node}",
  device: "{device}",
  metric: "{metric}",
  property: "{property:NAME}",
};

/** Reads a template that may have holes of some kinds. */
export function parseTemplate(
  text: string,
  allowed: readonly HoleKind[],
  format: string,
): Template | TemplateFault {
  const parts: (string | Hole)[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("{", at);
    const literal = text.slice(at, open < 0 ? text.length : open);
    const stray = literal.indexOf("}");
    if (stray >= 0) return { problem: "has a } that ends no hole", at: at + stray };
    if (literal !== "") parts.push(literal);
    if (open < 0) break;
    const close = text.indexOf("}", open);
    if (close < 0) return { problem: "has a hole that does not end", at: open };
    const hole = parseHole(text.slice(open + 1, close), open + 1);
    if ("problem" in hole) return hole;
    if (!allowed.includes(hole.kind)) {
      return {
        problem: `has a hole ${hole.text}, which nothing fills here in the format ${format}; there are ${
          allowed.map((kind) => FORMS[kind]).join(", ")
        }`,
        at: open,
      };
    }
    parts.push(hole);
    at = close + 1;
  }
  return { text, parts };
}

function parseHole(inner: string, at: number): Hole | TemplateFault {
  const text = `{${inner}}`;
  if (inner.startsWith("/")) {
    const pointer = parsePointer(inner);
    return "problem" in pointer ? { ...pointer, at: at + pointer.at } : { kind: "pointer", text, pointer };
  }
  const plain = PLAIN_HOLES.find((kind) => kind === inner);
  if (plain !== undefined) return { kind: plain, text };
  const level = /^topic\[(\d{1,3})\]$/.exec(inner)?.[1];
  if (level !== undefined) return { kind: "level", text, level: Number(level) };
  const tag = /^tag:(.+)$/s.exec(inner)?.[1];
  if (tag !== undefined) return { kind: "tag", text, tag };
  const property = /^property:(.+)$/s.exec(inner)?.[1];
  if (property !== undefined) return { kind: "property", text, property };
  return {
    problem: `has a hole ${text} that there is not; holes are ${Object.values(FORMS).join(", ")}`,
    at: at - 1,
  };
}

/** Reads a JSON Pointer to something in a record. */
export function parsePointer(text: string): Pointer | TemplateFault {
  if (!text.startsWith("/")) return { problem: "does not begin with /, as /meta/site does", at: 0 };
  const escape = /~(?![01])/.exec(text);
  if (escape !== null) {
    return { problem: "has a ~ that is neither ~0 (for ~) nor ~1 (for /)", at: escape.index };
  }
  const tokens = text.slice(1).split("/").map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
  return { text, tokens };
}
