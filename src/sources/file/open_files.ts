/** What can be closed between two reads, and opens itself again with the next. */
export interface Closable {
  /** Returns whether it was closed: not while it is read. */
  pause(): boolean;
}

/** Bounds how many files are open. Of those that wait, the one that was read longest ago is closed. */
export class OpenFiles {
  /** In the order of their last reads. */
  private readonly open = new Set<Closable>();

  constructor(private readonly max: number) {}

  /** A file is about to be read. */
  use(file: Closable): void {
    this.open.delete(file);
    this.open.add(file);
    if (this.open.size <= this.max) return;
    for (const oldest of this.open) {
      if (!oldest.pause()) continue;
      this.open.delete(oldest);
      return;
    }
  }

  clear(): void {
    this.open.clear();
  }
}
