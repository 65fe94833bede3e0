/** Runs whose traces are remembered until they are read. */
const RUNS_MAX = 4096;

/** The traces that pushes belong to, by the offset of their runs. After a restart they are not known. */
export class PushTraces {
  private readonly traceparents = new Map<number, string>();

  /** @param traceparent Undefined: the push has none. */
  note(first: number, traceparent: string | undefined): void {
    if (traceparent === undefined) return;
    this.traceparents.set(first, traceparent);
    if (this.traceparents.size <= RUNS_MAX) return;
    const [oldest] = this.traceparents.keys();
    this.traceparents.delete(oldest!);
  }

  /** Undefined: none is known. */
  at(first: number): string | undefined {
    return this.traceparents.get(first);
  }
}
