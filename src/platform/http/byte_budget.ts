/** A budget of bytes that many requests share. Whoever takes bytes gives them back. */
export class ByteBudget {
  private used = 0;

  constructor(private readonly max: number) {}

  /** Takes bytes. Returns false, and takes none, where too few are left. */
  take(bytes: number): boolean {
    if (this.used + bytes > this.max) return false;
    this.used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.used -= bytes;
  }
}
