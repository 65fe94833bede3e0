import type { Aggregate } from "../aggregation/aggregate.ts";

/** A series by what makes it one. */
export type SeriesName = Pick<Aggregate, "name" | "labels" | "aggFunc">;

/** A series, with its newest aggregate in each of its tiers. */
export interface ListedSeries extends SeriesName {
  /** By the length of the windows, ms; undefined: none of its windows has closed. */
  readonly newest: ReadonlyMap<number, Aggregate | undefined>;
}

/** An aggregate that can be read. */
interface Readable {
  readonly startMs: number;
  readonly revision: number;
  readonly read: () => Aggregate;
}

/**
 * The first series of a list in the order of names, labels and functions, of those that are added in any
 * order. It holds little more than a page of them.
 */
export class FoundSeries {
  private readonly found = new Map<
    string,
    SeriesName & { readonly newest: Map<number, Aggregate | undefined> }
  >();
  /** No series after this one is of the page. */
  private lastKey: string | undefined;

  /** @param after The series of the page come after this one; undefined: from the first one on. */
  constructor(private readonly limit: number, private readonly after: string | undefined) {}

  /** @param closed One of its aggregates; undefined: the series is in an open window. */
  add(series: SeriesName, lengthMs: number, closed: Readable | undefined): void {
    const key = keyOf(series);
    if (this.after !== undefined && key <= this.after) return;
    if (this.lastKey !== undefined && key > this.lastKey) return;
    let known = this.found.get(key);
    if (known === undefined) {
      this.found.set(key, known = { ...series, newest: new Map() });
      // One more than the page tells whether there is another page.
      if (this.found.size > 2 * (this.limit + 1)) this.cut();
    }
    const before = known.newest.get(lengthMs);
    if (closed === undefined) known.newest.set(lengthMs, before);
    else if (before === undefined || isNewer(closed, before)) known.newest.set(lengthMs, closed.read());
  }

  page(): { readonly series: readonly ListedSeries[]; readonly next: string | undefined } {
    const keys = [...this.found.keys()].sort();
    const ofPage = keys.slice(0, this.limit);
    return {
      series: ofPage.map((key) => this.found.get(key)!),
      next: keys.length > this.limit ? ofPage.at(-1) : undefined,
    };
  }

  private cut(): void {
    const keys = [...this.found.keys()].sort();
    this.lastKey = keys[this.limit];
    for (const key of keys.slice(this.limit + 1)) this.found.delete(key);
  }
}

function isNewer({ startMs, revision }: Readable, before: Aggregate): boolean {
  return startMs > before.windowStartMs || (startMs === before.windowStartMs && revision > before.revision);
}

/** No name and no label contains the character between them. */
function keyOf({ name, labels = "", aggFunc }: SeriesName): string {
  return `${name}\0${labels}\0${aggFunc}`;
}
