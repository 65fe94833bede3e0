import type { Aggregate } from "../aggregation/aggregate.ts";
import type { KeyColumn } from "../state/checkpoint/key_column.ts";

/** A series by what makes it one. */
export type SeriesName = Pick<Aggregate, "name" | "labels" | "aggFunc">;

/** A series as it stands in the searched windows of one tier. */
export interface SeriesInTier {
  /** Its newest aggregate; undefined: none of its windows has closed. */
  readonly newest: Aggregate | undefined;
  /** The sinks that the newest aggregate goes to: none where no route leads anywhere. */
  readonly sinks: readonly string[];
  /** Those of them that did not have it yet at the last checkpoint. */
  readonly waitingFor: readonly string[];
  /** Whether it is in an open window. */
  readonly isOpen: boolean;
  /** The start of the first searched window that has it, Unix ms; undefined: only open ones do. */
  readonly firstMs: number | undefined;
}

/** A series, and how it stands in each of its tiers. */
export interface FoundInTiers extends SeriesName {
  /** By the length of the windows, ms. */
  readonly tiers: ReadonlyMap<number, SeriesInTier>;
}

/** An aggregate that can be read. */
export interface Readable {
  readonly startMs: number;
  readonly revision: number;
  readonly read: () => Aggregate;
  readonly sinks: () => readonly string[];
  readonly waitingFor: () => readonly string[];
  /** See {@link SeriesInTier.firstMs}; known when all windows are searched. */
  readonly firstMs: () => number;
}

/** As {@link SeriesInTier}, while the search goes on. */
interface Growing {
  newest: Aggregate | undefined;
  sinks: readonly string[];
  waitingFor: readonly string[];
  isOpen: boolean;
  firstMs: () => number | undefined;
}

/**
 * The first series of a list in the order of names, labels and functions, of those that are added in any
 * order. It holds little more than a page of them.
 */
export class FoundSeries {
  private readonly found = new Map<string, SeriesName & { readonly tiers: Map<number, Growing> }>();
  /** No series after this one is of the page. */
  private last: Bound | undefined;
  private readonly after: Bound | undefined;

  /** @param after The series of the page come after this one; undefined: from the first one on. */
  constructor(private readonly limit: number, after: string | undefined) {
    this.after = after === undefined ? undefined : new Bound(after);
  }

  /** Whether the bytes of a key say that its series is not of the page. They may leave it open. */
  excludes(keys: KeyColumn, row: number): boolean {
    return (this.last !== undefined && this.last.orderOf(keys, row) > 0) ||
      (this.after !== undefined && this.after.orderOf(keys, row) < 0);
  }

  /** @param closed One of its aggregates; undefined: the series is in an open window. */
  add(series: SeriesName, lengthMs: number, closed: Readable | undefined): void {
    const key = keyOf(series);
    if (this.after !== undefined && key <= this.after.key) return;
    if (this.last !== undefined && key > this.last.key) return;
    let known = this.found.get(key);
    if (known === undefined) {
      this.found.set(key, known = { ...series, tiers: new Map() });
      // One more than the page tells whether there is another page.
      if (this.found.size > 2 * (this.limit + 1)) this.cut();
    }
    let tier = known.tiers.get(lengthMs);
    if (tier === undefined) {
      known.tiers.set(
        lengthMs,
        tier = { newest: undefined, sinks: [], waitingFor: [], isOpen: false, firstMs: () => undefined },
      );
    }
    if (closed === undefined) tier.isOpen = true;
    else if (tier.newest === undefined || isNewer(closed, tier.newest)) {
      tier.newest = closed.read();
      tier.sinks = closed.sinks();
      tier.waitingFor = closed.waitingFor();
      tier.firstMs = closed.firstMs;
    }
  }

  page(): { readonly series: readonly FoundInTiers[]; readonly next: string | undefined } {
    const keys = [...this.found.keys()].sort();
    const ofPage = keys.slice(0, this.limit);
    return {
      series: ofPage.map((key) => {
        const { tiers, ...series } = this.found.get(key)!;
        const stood = [...tiers].map(([length, tier]) =>
          [length, { ...tier, firstMs: tier.firstMs() }] as const
        );
        return { ...series, tiers: new Map(stood) };
      }),
      next: keys.length > this.limit ? ofPage.at(-1) : undefined,
    };
  }

  private cut(): void {
    const keys = [...this.found.keys()].sort();
    this.last = new Bound(keys[this.limit]!);
    for (const key of keys.slice(this.limit + 1)) this.found.delete(key);
  }
}

const ENCODER = new TextEncoder();

/** A series that others come before or after. */
class Bound {
  private readonly bytes: Uint8Array;

  constructor(readonly key: string) {
    this.bytes = ENCODER.encode(key);
  }

  /** Whether another key comes before (below 0) or after; 0: its bytes do not say it. */
  orderOf(keys: KeyColumn, row: number): number {
    const start = keys.start(row);
    const length = Math.min(keys.length(row), this.bytes.length);
    for (let i = 0; i < length; i++) {
      const [other, own] = [keys.bytes[start + i]!, this.bytes[i]!];
      // Beyond ASCII, texts are not in the order of their bytes.
      if (other !== own) return other < 0x80 && own < 0x80 ? other - own : 0;
    }
    return 0;
  }
}

function isNewer({ startMs, revision }: Readable, before: Aggregate): boolean {
  return startMs > before.windowStartMs || (startMs === before.windowStartMs && revision > before.revision);
}

/** No name and no label contains the character between them. */
function keyOf({ name, labels = "", aggFunc }: SeriesName): string {
  return `${name}\0${labels}\0${aggFunc}`;
}
