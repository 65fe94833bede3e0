import { type Totals, TotalsReader } from "../control/totals.ts";
import { StateError } from "../state/file/state_error.ts";

/** How long what was read is good for. */
const FRESH_MS = 200;

/** The totals of the demo's handler, read from its state. So they are seen while no handler runs, too. */
export class TotalsView implements Disposable {
  private readMs = performance.now();

  private constructor(private readonly reader: TotalsReader, private last: Totals) {}

  /** @throws {StateError} There is no state yet, or it cannot be read. */
  static open(stateDir: string): TotalsView {
    const reader = TotalsReader.open(stateDir);
    try {
      return new TotalsView(reader, reader.read());
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  look(): Totals {
    if (performance.now() - this.readMs < FRESH_MS) return this.last;
    try {
      this.last = this.reader.read();
    } catch (error) {
      // The handler is just being started, and recovers the file. It can be read a moment later.
      if (!(error instanceof StateError)) throw error;
    }
    this.readMs = performance.now();
    return this.last;
  }

  [Symbol.dispose](): void {
    this.reader.close();
  }
}
