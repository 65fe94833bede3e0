const MARK = ". Warning: ";

/**
 * What a probe answers where all rights are there: what is there in a few words, and what an operator should
 * change all the same, each as a sentence.
 */
export function probeAnswer(found: string, warnings: readonly string[]): string {
  return found + warnings.map((warning) => MARK + warning).join("");
}

/** The parts of an answer that {@link probeAnswer} has made. */
export function partsOfAnswer(
  answer: string,
): { readonly found: string; readonly warnings: readonly string[] } {
  const [found, ...warnings] = answer.split(MARK);
  return { found: found!, warnings };
}
