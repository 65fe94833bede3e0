import type { Pulse } from "../platform/clock/pulse.ts";
import type { Sink } from "../contract/sink.ts";
import type { Delivery } from "./delivery.ts";
import type { DeliveryState } from "./standing.ts";

/** The state of a sink's delivery. */
export interface SinkStanding {
  readonly id: string;
  readonly state: DeliveryState;
  /** Why the last attempt failed; undefined when it did not. */
  readonly error: string | undefined;
  /** Since when its attempts have failed, Unix ms; undefined: the last one did not. */
  readonly failingSinceMs: number | undefined;
  /** When the sink last took aggregates, Unix ms; undefined: not since the start of the process. */
  readonly lastDeliveryMs: number | undefined;
}

/** Delivers the outbox to all sinks, each independently and at its own pace. */
export class Router {
  private readonly finishing = new AbortController();

  constructor(private readonly deliveries: readonly Delivery[]) {}

  /**
   * Delivers until `stop` fires, or, after {@link finish} was called, until each sink has everything or
   * fails. Returns the reason for each sink that lacks something.
   *
   * @throws {StateError} The state is damaged.
   */
  async run(stop: AbortSignal): Promise<string[]> {
    const broken = new AbortController();
    const either = AbortSignal.any([stop, broken.signal]);
    const reasons = await Promise.allSettled(
      this.deliveries.map(async (delivery) => {
        try {
          return await delivery.run(this.finishing.signal, either);
        } catch (error) {
          broken.abort();
          throw error;
        }
      }),
    );
    const defect = reasons.find((result) => result.status === "rejected");
    if (defect) throw defect.reason;
    return reasons.map((result) => (result as PromiseFulfilledResult<string | undefined>).value)
      .filter((reason) => reason !== undefined);
  }

  /** Replaces sinks by others with the same ids and other settings. */
  exchange(sinks: readonly Sink[]): void {
    for (const sink of sinks) {
      this.deliveries.find((delivery) => delivery.sink.id === sink.id)?.exchange(sink);
    }
  }

  /** Stops delivering to a sink, or goes on with it. */
  pause(sink: string, isPaused: boolean): void {
    this.deliveries.find((delivery) => delivery.sink.id === sink)?.pause(isPaused);
  }

  /** Lets {@link run} end once everything that is in the outbox now is delivered. */
  finish(): void {
    this.finishing.abort();
  }

  /** The pulses of the sinks' loops. */
  pulses(): (readonly [sink: string, pulse: Pulse])[] {
    return this.deliveries.map(({ sink, pulse }) => [sink.id, pulse] as const);
  }

  standings(): SinkStanding[] {
    return this.deliveries.map(({ sink, standing: { state, error, failingSinceMs, lastDeliveryMs } }) => ({
      id: sink.id,
      state,
      error,
      failingSinceMs,
      lastDeliveryMs,
    }));
  }
}
