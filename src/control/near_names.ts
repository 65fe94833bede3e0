import { seriesOf } from "../event/labels.ts";
import type { KeyColumn } from "../state/checkpoint/key_column.ts";
import { SoughtPieces } from "./sought_pieces.ts";

/** Names that are told of at most. */
const TOLD_MAX = 50;
/** Candidates at a time: of those that are equally near, new ones are preferred at the end. */
const KEPT_MAX = 200;
/** A name is near where it has this share of what was asked for. */
const NEAR_SHARE = 0.4;

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
  private readonly pieces: SoughtPieces;
  private candidates: Candidate[] = [];
  private readonly known = new Set<string>();
  /** Of what is kept, once there is no room for more; before, 0. */
  private leastShare = 0;

  /** @param text What is looked for. One with fewer than three plain characters is near nothing. */
  constructor(text: string) {
    this.pieces = new SoughtPieces(text);
  }

  /** Whether no series can be near. */
  get isVain(): boolean {
    return this.pieces.isEmpty;
  }

  /** Whether the series of a key is near, and nearer than the least near one of those that are kept. */
  isNear(keys: KeyColumn, row: number): boolean {
    const share = this.pieces.shareIn(keys, row);
    return share >= NEAR_SHARE && share > this.leastShare;
  }

  /** Remembers a near series, in place of a less near one. */
  add(keys: KeyColumn, row: number, isNew: () => boolean): void {
    const { name } = seriesOf(keys.text(row));
    if (this.known.has(name)) return;
    this.known.add(name);
    this.candidates.push({ name, share: this.pieces.shareIn(keys, row), isNew });
    if (this.candidates.length >= 2 * KEPT_MAX) this.cut();
  }

  /** The nearest ones; of equally near ones, those first that are new. */
  get nearest(): ReadonlySet<string> {
    const sorted = this.candidates.map((candidate) => ({ ...candidate, rank: candidate.isNew() ? 1 : 0 }))
      .sort((a, b) => b.share - a.share || b.rank - a.rank || (a.name < b.name ? -1 : 1));
    return new Set(sorted.slice(0, TOLD_MAX).map(({ name }) => name));
  }

  private cut(): void {
    this.candidates = this.candidates.sort((a, b) => b.share - a.share).slice(0, KEPT_MAX);
    this.leastShare = this.candidates.at(-1)!.share;
  }
}
