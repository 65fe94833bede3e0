/**
 * The contract of a reply's bytes, written again without code of the scanner. The reply is split into tokens,
 * each element of `events` is replaced by a zero, and `JSON.parse` decides for the rest and for each element
 * whether it is JSON.
 */

/** A reply as the contract reads it. */
export interface ModelReply {
  /** The reply without its elements; `events` holds a zero for each. */
  readonly parsed: unknown;
  readonly elements: readonly ModelElement[];
}

export interface ModelElement {
  readonly bytes: Uint8Array;
  /** Undefined: not JSON, or not UTF-8. */
  readonly json: { readonly value: unknown } | undefined;
}

/** Undefined: garbage. A byte order mark before the reply is no part of it. */
export function readReply(bytes: Uint8Array): ModelReply | undefined {
  const latin1 = Buffer.from(bytes).toString("latin1").replace(/^\xef\xbb\xbf/, "");
  // The last alternative is a quote that nothing closes.
  const tokens = latin1.match(/"(?:[^"\\]|\\[^])*"|[[\]{},:]|[^"[\]{},:]+|"/g) ?? [];
  let rest = "";
  let elements: string[] = [];
  let depth = 0;
  let key = "";
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    rest += token;
    if (depth === 1 && token === "[" && isEvents(key)) {
      const found = split(tokens, i + 1);
      if (found === undefined) return undefined;
      elements = found.elements;
      rest += elements.map((element) => element === "" ? "" : "0").join(",") + "]";
      if (elements.length === 1 && elements[0] === "") elements = [];
      i = found.end;
      key = "";
    } else if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    // A key reaches from the comma before it to the value after its colon.
    else if (depth === 1 && token === ",") key = "";
    else if (depth === 1) key += token;
  }
  const parsed = parse(rest);
  return parsed && {
    parsed: parsed.value,
    elements: elements.map((element) => ({ bytes: Buffer.from(element, "latin1"), json: parse(element) })),
  };
}

/** The bytes of one element. */
export function readElement(bytes: Uint8Array): ModelElement {
  const element = trimmed(Buffer.from(bytes).toString("latin1"));
  return { bytes: Buffer.from(element, "latin1"), json: parse(element) };
}

/** The keys of the labels that the text of an event has, each as often as it is there. */
export function labelKeys(bytes: Uint8Array): string[] {
  const tokens = DECODER.decode(bytes).match(/"(?:[^"\\]|\\[^])*"|[[\]{},:]/g) ?? [];
  let keys: string[] = [];
  const path: string[] = [];
  let key = "";
  tokens.forEach((token, i) => {
    if (tokens[i + 1] === ":") {
      key = JSON.parse(token);
      if (path.length === 1 && key === "labels") keys = [];
      if (path.length === 2 && path[1] === "labels") keys.push(key);
    } else if (token === "{" || token === "[") path.push(key);
    else if (token === "}" || token === "]") path.pop();
  });
  return keys;
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

function isEvents(key: string): boolean {
  const match = /^[ \t\r\n]*("[^]*")[ \t\r\n]*:[ \t\r\n]*$/.exec(key);
  return match !== null && parse(match[1]!)?.value === "events";
}

/**
 * The elements up to the bracket that closes their array; undefined: there is none, or something is in its
 * way.
 */
function split(tokens: readonly string[], from: number): { elements: string[]; end: number } | undefined {
  const elements = [""];
  let depth = 0;
  for (let i = from; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token === '"') return undefined;
    if (depth === 0 && token === "]") return { elements: elements.map(trimmed), end: i };
    if (depth === 0 && token === "}") return undefined;
    if (depth === 0 && token === ",") {
      elements.push("");
      continue;
    }
    if (token === "{" || token === "[") depth++;
    if (token === "}" || token === "]") depth--;
    elements.push(elements.pop()! + token);
  }
  return undefined;
}

function trimmed(text: string): string {
  return text.replace(/^[ \t\r\n]+/, "").replace(/[ \t\r\n]+$/, "");
}

/** `latin1`: bytes, one a character. */
function parse(latin1: string): { value: unknown } | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(latin1, "latin1"),
    );
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
