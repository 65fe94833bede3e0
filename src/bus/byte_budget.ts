/** Bytes that many share. Whoever gets some gives them back. */
export class ByteBudget {
  private used = 0;

  constructor(private readonly max: number) {}

  /** False where there are not so many left; then none are taken. */
  take(bytes: number): boolean {
    if (this.used + bytes > this.max) return false;
    this.used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.used -= bytes;
  }
}
