import { printable } from "../platform/log/printable.ts";

/** Reasons that an answer names. */
const REASONS_MAX = 10;
const EXAMPLE_CHARACTERS = 80;

interface Reason {
  count: number;
  readonly example: string;
}

/** What of a request was not taken, and why. */
export class PushRefusals {
  /** Points or samples. */
  count = 0;
  private readonly reasons = new Map<string, Reason>();

  /**
   * @param example What the first one is called; hostile text.
   * @param points How many it is for.
   */
  add(reason: string, example: string, points = 1): void {
    if (points === 0) return;
    this.count += points;
    const known = this.reasons.get(reason);
    if (known !== undefined) known.count += points;
    else if (this.reasons.size < REASONS_MAX) this.reasons.set(reason, { count: points, example });
  }

  /** For the sender: `2 of 9 points are refused, the others are taken: …`. */
  text(total: number, noun: string): string {
    const named = [...this.reasons].map(([reason, { count, example }]) =>
      `${reason} (${count}, such as ${printable(JSON.stringify(example.slice(0, EXAMPLE_CHARACTERS)))})`
    );
    const left = this.count - [...this.reasons.values()].reduce((sum, { count }) => sum + count, 0);
    if (left > 0) named.push(`other reasons (${left})`);
    const others = this.count < total ? ", the others are taken" : "";
    return `${this.count} of ${total} ${noun} are refused${others}: ${named.join("; ")}`;
  }
}
