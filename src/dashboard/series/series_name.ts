import type { AggregatesPage } from "../../api/aggregates_endpoint.ts";
import type { SeriesPage } from "../../api/series_endpoint.ts";

export type ListedSeries = SeriesPage["series"][number];
/** Late or refused events of a series. */
export type SeriesTrouble = SeriesPage["troubles"][number];
export type Aggregate = AggregatesPage["aggregates"][number];
export type Labels = Readonly<Record<string, string>>;

/** Labels as the API and the address of the page take them; "": none. */
export function labelsParameter(labels: Labels | undefined): string {
  return labels === undefined || Object.keys(labels).length === 0 ? "" : JSON.stringify(inOrder(labels));
}

/** Labels of the address; undefined: it has something else there. */
export function labelsOf(parameter: string): Labels | undefined {
  if (parameter === "") return {};
  try {
    const labels: unknown = JSON.parse(parameter);
    const isMap = typeof labels === "object" && labels !== null && !Array.isArray(labels);
    return isMap && Object.values(labels).every((value) => typeof value === "string")
      ? labels as Labels
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether an aggregate has these labels and no others: the API finds those with more, too. */
export function hasExactly(aggregate: Pick<Aggregate, "labels">, labels: Labels): boolean {
  return labelsParameter(aggregate.labels) === labelsParameter(labels);
}

/** The troubles of a series, whatever its function. */
export function troubleOf(
  { labels, name }: Pick<ListedSeries, "labels" | "name">,
  troubles: readonly SeriesTrouble[],
): SeriesTrouble | undefined {
  return troubles.find((trouble) => trouble.name === name && hasExactly(trouble, labels ?? {}));
}

/** Labels for people: `line=4, site=north`. */
export function labelsText(labels: Labels): string {
  return Object.entries(inOrder(labels)).map(([key, value]) => `${key}=${value}`).join(", ");
}

function inOrder(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0));
}
