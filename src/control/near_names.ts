import type { SeriesName } from "./found_series.ts";
import { withoutSigns } from "./series_text.ts";

/** Names that are told of at most. */
const TOLD_MAX = 50;
/** Candidates at a time: of those that are equally near, new ones are preferred at the end. */
const KEPT_MAX = 200;
/** Names that are compared for one question, in all tiers together: a tenth of a second. */
const COMPARED_MAX = 50_000;
/** A name is near where it has this share of what was asked for. */
const NEAR_SHARE = 0.4;
/** Length of the pieces of texts that are compared. */
const PIECE = 3;

interface Candidate {
  readonly name: string;
  readonly share: number;
  /** Whether the series is new; asked for at the end. */
  readonly isNew: () => boolean;
}

/**
 * The names of series that are nearly what somebody looks for, such as `plant-seven.oven` for `plant7`: a
 * producer may have renamed them. They are compared without signs, labels included, in pieces of three
 * characters.
 */
export class NearNames {
  private readonly pieces: ReadonlySet<string>;
  private candidates: Candidate[] = [];
  private readonly known = new Set<string>();
  private compared = 0;

  /** @param text What is looked for. One with fewer than three of them is near nothing. */
  constructor(text: string) {
    this.pieces = new Set(piecesOf(text));
  }

  /** Whether a series is near. Then it is remembered, in place of a less near one. */
  offer({ labels = "", name }: SeriesName, isNew: () => boolean): boolean {
    const { pieces } = this;
    if (pieces.size === 0 || this.compared === COMPARED_MAX) return false;
    this.compared++;
    const own = new Set(piecesOf(`${name}${labels}`));
    let shared = 0;
    for (const piece of pieces) if (own.has(piece)) shared++;
    const share = shared / pieces.size;
    if (share < NEAR_SHARE) return false;
    if (this.known.has(name)) return true;
    this.known.add(name);
    this.candidates.push({ name, share, isNew });
    if (this.candidates.length >= 2 * KEPT_MAX) this.cut();
    return true;
  }

  /** The nearest ones; of equally near ones, those first that are new. */
  get nearest(): ReadonlySet<string> {
    const sorted = this.candidates.map((candidate) => ({ ...candidate, rank: candidate.isNew() ? 1 : 0 }))
      .sort((a, b) => b.share - a.share || b.rank - a.rank || (a.name < b.name ? -1 : 1));
    return new Set(sorted.slice(0, TOLD_MAX).map(({ name }) => name));
  }

  private cut(): void {
    this.candidates = this.candidates.sort((a, b) => b.share - a.share).slice(0, KEPT_MAX);
  }
}

function piecesOf(text: string): string[] {
  const plain = withoutSigns(text);
  return Array.from({ length: Math.max(0, plain.length - PIECE + 1) }, (_, i) => plain.slice(i, i + PIECE));
}
