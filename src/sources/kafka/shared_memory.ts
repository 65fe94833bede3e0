/** Who holds memory that it can have again. */
export interface Holder {
  /** Lets go all that it holds. */
  letGo(): void;
}

/**
 * What holders have in memory together, in bytes. Where it is too much, those let go whose last use is the
 * longest ago.
 */
export class SharedMemory {
  /** In the order of their last use. */
  private readonly held = new Map<Holder, number>();
  private total = 0;

  constructor(private readonly maxBytes: number) {}

  get isFull(): boolean {
    return this.total >= this.maxBytes;
  }

  /** Notes what a holder has now. */
  note(holder: Holder, bytes: number): void {
    this.total += bytes - (this.held.get(holder) ?? 0);
    this.held.delete(holder);
    if (bytes > 0) this.held.set(holder, bytes);
  }

  /** Has holders let go until the rest is within the bound. @param using Those that do not let go. */
  makeRoom(using: ReadonlySet<Holder>): void {
    for (const holder of this.held.keys()) {
      if (this.total <= this.maxBytes) return;
      if (using.has(holder)) continue;
      this.note(holder, 0);
      holder.letGo();
    }
  }
}
