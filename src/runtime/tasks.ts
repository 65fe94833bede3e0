/** Parts that run concurrently. When one fails for good, all must end, and the first failure is thrown. */
export class Tasks {
  private readonly stopping = new AbortController();
  private readonly failing = new AbortController();
  private failure: { readonly error: unknown } | undefined;

  /** Fires at the first failure. */
  get failed(): AbortSignal {
    return this.failing.signal;
  }

  /**
   * Runs a part. Never rejects: the result of a failed part is undefined. The signal fires at {@link stop}
   * and at the first failure.
   */
  async start<T>(part: (stop: AbortSignal) => Promise<T>): Promise<T | undefined> {
    try {
      return await part(this.stopping.signal);
    } catch (error) {
      this.failure ??= { error };
      this.failing.abort();
      this.stopping.abort();
      return undefined;
    }
  }

  stop(): void {
    this.stopping.abort();
  }

  /** @throws the first failure, if there was one. */
  check(): void {
    if (this.failure) throw this.failure.error;
  }
}
