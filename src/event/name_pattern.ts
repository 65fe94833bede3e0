/** A pattern of event names, as an operator writes it: `*` stands for any characters, none included. */
export interface NamePattern {
  readonly text: string;
  /** Whether it matches every name there is. */
  readonly isCatchAll: boolean;
  /**
   * The time is proportional to the length of the name, for any pattern. There is no backtracking, so no rule
   * can stall the handler.
   */
  matches(name: string): boolean;
}

export function namePattern(text: string): NamePattern {
  const literals = text.split("*");
  const first = literals[0]!;
  const last = literals.at(-1)!;
  const between = literals.slice(1, -1);
  const matches = (name: string) => {
    if (literals.length === 1) return name === text;
    if (!name.startsWith(first) || !name.endsWith(last)) return false;
    let from = first.length;
    for (const literal of between) {
      const found = name.indexOf(literal, from);
      if (found < 0) return false;
      from = found + literal.length;
    }
    return from <= name.length - last.length;
  };
  return { text, isCatchAll: /^\*+$/.test(text), matches };
}
