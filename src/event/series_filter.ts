import { hasLabels } from "./labels.ts";
import { type NamePattern, namePattern } from "./name_pattern.ts";

/** Which series somebody wants to see. */
export interface SeriesFilter {
  /** Of names, see {@link NamePattern}. */
  readonly name: string;
  /** Labels that the series have, among others. */
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Labels that somebody asks for: `line:4,site:north`, or a JSON object of texts for values with commas;
 * undefined: the text is neither.
 */
export function labelFilter(text: string): Readonly<Record<string, string>> | undefined {
  if (text.startsWith("{")) {
    try {
      const labels: Readonly<Record<string, unknown>> = JSON.parse(text);
      return areTexts(labels) ? labels : undefined;
    } catch {
      return undefined;
    }
  }
  const pairs = text.split(",").map((pair) => /^([^:]*):(.*)$/s.exec(pair)?.slice(1));
  if (pairs.some((pair) => pair === undefined)) return undefined;
  const labels = Object.fromEntries(pairs as [string, string][]);
  return Object.keys(labels).length === pairs.length ? labels : undefined;
}

/** A {@link SeriesFilter} that is ready to be asked. */
export class SeriesMatcher {
  /** What every matching name begins with, as UTF-8. */
  readonly prefix: Uint8Array;
  /** The longest text, as UTF-8, that every matching name contains. */
  readonly longestLiteral: Uint8Array;
  private readonly pattern: NamePattern;

  constructor(private readonly filter: SeriesFilter) {
    this.pattern = namePattern(filter.name);
    const literals = filter.name.split("*");
    this.prefix = ENCODER.encode(literals[0]!);
    this.longestLiteral = ENCODER.encode(literals.reduce((a, b) => b.length > a.length ? b : a));
  }

  /** @param labels The canonical labels of the series; undefined: it has none. */
  matches(name: string, labels: string | undefined): boolean {
    return this.pattern.matches(name) && hasLabels(labels, this.filter.labels);
  }

  /** Whether the bytes of a name begin as every matching name does: a quick first look. */
  mayMatch(bytes: Uint8Array, start: number, length: number): boolean {
    const { prefix } = this;
    if (length < prefix.length) return false;
    for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return false;
    return true;
  }
}

const ENCODER = new TextEncoder();

function areTexts(labels: Readonly<Record<string, unknown>>): labels is Readonly<Record<string, string>> {
  return Object.values(labels).every((text) => typeof text === "string");
}
