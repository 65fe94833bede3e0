/**
 * A text as somebody would say it: in lower case, without spaces and signs. `Plant-7.oven` and `plant 7 oven`
 * are the same then.
 */
export function withoutSigns(text: string): string {
  return text.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "");
}

/** Whether a text is in the name of a series or in one of its labels. See {@link seriesMatcher}. */
export type SeriesMatcher = (name: string, labels: string | undefined) => boolean;

/**
 * Finds series by a part of the name or of a label, `key=value`. Case, spaces and signs do not count, except
 * in a text that has nothing else.
 *
 * @param text "": every series.
 */
export function seriesMatcher(text: string): SeriesMatcher {
  if (text === "") return () => true;
  const sought = withoutSigns(text);
  const isIn = sought === ""
    ? (own: string) => own.toLowerCase().includes(text.toLowerCase())
    : (own: string) => withoutSigns(own).includes(sought);
  return (name, labels) =>
    isIn(name) || (labels !== undefined &&
      Object.entries(JSON.parse(labels)).some(([key, value]) => isIn(`${key}=${value}`)));
}
