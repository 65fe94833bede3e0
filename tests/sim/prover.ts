import type { ReadableSink } from "../../src/contract/sink.ts";
import { SinkRegistry } from "../../src/state/outbox/sink_registry.ts";
import { StateDatabase } from "../../src/state/file/state_database.ts";
import { Lifetime } from "./scheduler.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** Runs the product's own proof of the sinks. */
export class Prover {
  /** The state that the proof reads; undefined: no proof runs. */
  private proving: StateDatabase | undefined;

  constructor(private readonly world: World) {}

  get isAtWork(): boolean {
    return this.proving !== undefined;
  }

  /** Runs the proof while everything goes on. */
  prove(): void {
    if (this.proving !== undefined || !this.world.stateFile.exists) return;
    const state = this.proving = StateDatabase.openForReading(this.world.stateFile.directory);
    this.world.audit.proof(state, this.provableSinks(state)).catch((error) => {
      this.world.fail(
        error instanceof Violation
          ? new Violation(`verify, with the handler at work: ${error.message}`)
          : error,
      );
    }).finally(() => {
      this.proving = undefined;
      state.close();
    });
  }

  /** Runs the last proof, and the audit of what the sinks hold at rest, since `restMs`, Unix ms. */
  async proveEnd(restMs: number): Promise<void> {
    const { audit, backends, scheduler, stateFile } = this.world;
    if (!stateFile.exists) return;
    const state = StateDatabase.openForReading(stateFile.directory);
    try {
      let isProven = false;
      const proof = audit.proof(state, this.provableSinks(state)).finally(() => isProven = true);
      await Promise.all([proof, scheduler.run(() => isProven)]);
      audit.end(state, backends, restMs);
    } finally {
      state.close();
    }
  }

  /** Ends a proof that still runs. */
  close(): void {
    this.proving?.close();
  }

  /** The sinks that the state knows, present and former ones, except Kafka. */
  private provableSinks(state: StateDatabase): ReadableSink[] {
    const quiet = new Lifetime();
    const { sinks, absent } = SinkRegistry.read(state);
    return [...sinks, ...absent].map(({ id }) => id).filter((name) => name !== "kafka")
      .map((name) => this.world.connectSink(name, () => {}, quiet) as ReadableSink);
  }
}
