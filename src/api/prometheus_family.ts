import type { Histogram } from "../runtime/histogram.ts";
import type { LiveOverview } from "../runtime/overview.ts";

/** Values of the labels, in the order of the family's; "": the sample does not have the label. */
export type LabelValues = readonly string[];
export type Sample = readonly [labels: LabelValues, value: number];
export type HistogramSample = readonly [labels: LabelValues, value: Histogram];

interface Described {
  /** As it stands on the page; that of a counter ends in `_total`. */
  readonly name: string;
  /** For the page and docs/metrics.md. */
  readonly help: string;
  readonly labels: readonly string[];
}

/** A metric, and how its samples follow from the overview. */
export type Family =
  & Described
  & (
    | { readonly type: "counter" | "gauge"; readonly read: (overview: LiveOverview) => readonly Sample[] }
    | { readonly type: "histogram"; readonly read: (overview: LiveOverview) => readonly HistogramSample[] }
  );

const PREFIX = "vabus_handler_";

/** The type of a metric, and what it says, for one that has no labels. A value of undefined: no sample. */
type Value = (overview: LiveOverview) => number | undefined;

export function counter(name: string, help: string, value: Value): Family;
export function counter(
  name: string,
  help: string,
  labels: readonly string[],
  read: (overview: LiveOverview) => readonly Sample[],
): Family;
export function counter(name: string, help: string, ...how: How): Family {
  return { type: "counter", name: PREFIX + name, help, ...labelled(how) };
}

export function gauge(name: string, help: string, value: Value): Family;
export function gauge(
  name: string,
  help: string,
  labels: readonly string[],
  read: (overview: LiveOverview) => readonly Sample[],
): Family;
export function gauge(name: string, help: string, ...how: How): Family {
  return { type: "gauge", name: PREFIX + name, help, ...labelled(how) };
}

export function histogram(
  name: string,
  help: string,
  labels: readonly string[],
  read: (overview: LiveOverview) => readonly HistogramSample[],
): Family {
  return { type: "histogram", name: PREFIX + name, help, labels, read };
}

/** A metric under the name that all programs give it. */
export function common(family: Family): Family {
  return { ...family, name: family.name.slice(PREFIX.length) };
}

type How =
  | [value: Value]
  | [labels: readonly string[], read: (overview: LiveOverview) => readonly Sample[]];

function labelled([first, read]: How): Pick<Family & { type: "gauge" }, "labels" | "read"> {
  if (typeof first !== "function") return { labels: first, read: read! };
  return {
    labels: [],
    read: (overview) => {
      const value = first(overview);
      return value === undefined ? [] : [[[], value]];
    },
  };
}

/** 1 or 0, as Prometheus has it. */
export function flag(isSet: boolean): number {
  return isSet ? 1 : 0;
}
