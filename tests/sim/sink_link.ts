import { SinkError } from "../../src/contract/sink.ts";
import type { Dice } from "./dice.ts";
import type { FaultRates } from "./scenario.ts";
import { type Lifetime, never, type Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";

/** The present faults of a sink's backend. */
export interface SinkWeather {
  awayUntilMs: number;
  misconfiguredUntilMs: number;
  isPoisoned: boolean;
}

const LONGEST_HICCUP_MS = 20;
/** What has been sent may arrive this late, long after its sender has given up or died. */
const LATEST_ARRIVAL_MS = 15_000;

/**
 * The connection from a process to the backend of a sink. Each request may fail before its effect or after
 * it, or hang.
 */
export class SinkLink {
  constructor(
    readonly name: string,
    private readonly scheduler: Scheduler,
    private readonly dice: Dice,
    private readonly trace: Trace,
    private readonly rates: () => FaultRates,
    private readonly weather: SinkWeather,
    private readonly crashPoint: (where: string) => void,
    private readonly lifetime: Lifetime,
  ) {}

  /** Closes the connection, which may hang, too. */
  close(): Promise<void> {
    return this.lifetime.isOver || this.dice.chance(this.rates().sinkHangs) ? never() : Promise.resolve();
  }

  /** Reads the backend, which takes a while. */
  look<T>(what: () => T): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    this.scheduler.after(this.dice.between(0, 3), () => resolve(what()));
    return promise;
  }

  /**
   * Runs `effect` at the backend, and returns its result or throws its error.
   * @param misconfigured The backend's answer while it is misconfigured; undefined: the request works all the
   * same.
   */
  request<T>(
    what: string,
    signal: AbortSignal,
    effect: () => T,
    misconfigured: () => SinkError | undefined = () => new SinkError("misconfigured", "login refused"),
  ): Promise<T> {
    const { dice, scheduler, lifetime, trace, name } = this;
    if (lifetime.isOver) return never();
    const rates = this.rates();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let isOver = false;
    const end = (settle: () => void) => {
      if (isOver || lifetime.isOver) return;
      isOver = true;
      signal.removeEventListener("abort", interrupt);
      settle();
    };
    const answer = (outcome: string, settle: () => void) =>
      scheduler.after(dice.between(0, LONGEST_HICCUP_MS), () =>
        end(() => {
          trace.note(name, `${what}: the handler hears: ${outcome}`);
          this.crashPoint("sink: an answer has arrived");
          if (!lifetime.isOver) settle();
        }));
    const fail = (error: unknown) => answer(String(error), () => reject(error));
    const interrupt = () => end(() => reject(new SinkError("unavailable", "interrupted")));
    if (signal.aborted) {
      interrupt();
      return promise;
    }
    signal.addEventListener("abort", interrupt, { once: true });
    trace.note(name, `${what}: sent`);
    this.crashPoint("sink: a request is on its way");

    const isLate = dice.chance(rates.sinkSlow);
    const arrivesInMs = isLate
      ? dice.between(LONGEST_HICCUP_MS, LATEST_ARRIVAL_MS)
      : dice.between(0, LONGEST_HICCUP_MS);
    const failsBefore = dice.chance(rates.sinkFailsBefore);
    const failsAfter = dice.chance(rates.sinkFailsAfter);
    const hangs = dice.chance(rates.sinkHangs);
    if (hangs && dice.chance(0.5)) return promise;
    scheduler.after(arrivesInMs, () => {
      const { awayUntilMs, misconfiguredUntilMs } = this.weather;
      if (awayUntilMs > scheduler.nowMs || failsBefore) {
        return fail(new SinkError("unavailable", "no connection"));
      }
      const mistake = misconfiguredUntilMs > scheduler.nowMs ? misconfigured() : undefined;
      if (mistake) return fail(mistake);
      let result: T;
      try {
        result = effect();
      } catch (error) {
        return fail(error);
      }
      trace.note(name, `${what}: done at the sink`);
      this.crashPoint("sink: done, not yet answered");
      if (hangs) return;
      if (failsAfter) fail(new SinkError("unavailable", "connection lost"));
      else answer("done", () => resolve(result));
    });
    return promise;
  }
}
