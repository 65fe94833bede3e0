/** Whether each subject that `inner` matches is matched by `outer`: `plant.*.temp` lies within `plant.>`. */
export function isWithin(inner: string, outer: string): boolean {
  const [inside, outside] = [inner.split("."), outer.split(".")];
  for (const [i, token] of outside.entries()) {
    if (token === ">") return inside.length > i;
    const other = inside[i];
    if (other === undefined || other === ">") return false;
    if (token !== "*" && token !== other) return false;
  }
  return inside.length === outside.length;
}

/** What is wrong with a pattern, as the rest of a sentence; undefined: nothing. */
export function patternProblem(pattern: string): string | undefined {
  const tokens = pattern.split(".");
  if (tokens.some((token) => token === "" || /[\s\p{Cc}]/u.test(token))) {
    return "has an empty part or a space";
  }
  if (tokens.slice(0, -1).includes(">")) return "has a > that is not its last part";
  return tokens.some((token) => token.length > 1 && /[*>]/.test(token))
    ? "has a * or > within a part"
    : undefined;
}
