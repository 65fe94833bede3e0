import { type EventBooks } from "../aggregation/event_aggregator.ts";
import { type RefusalReason, REFUSALS } from "../aggregation/refusal.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { RefusalAlarm } from "../state/letters/refusal_alarms.ts";
import { likelyCause, type RefusalSample } from "./refusal_cause.ts";

const MINUTE_MS = 60_000;
/** More than this share of a minute's events is a mass, if it is as many as this. */
const MASS_SHARE = 0.1;
const MASS_EVENTS = 10;
/** A minute that is not over speaks for itself once it has brought so many events. */
const ENOUGH_EVENTS = 100;

/** What became of the events of one bus in this minute. */
interface Minute {
  received: number;
  readonly refused: Record<RefusalReason, number>;
}

/**
 * Finds out where many events are refused: over a tenth of a minute's events, or all that a bus has brought in it. One alarm for
 * each reason, which ends with the first minute that is not like that.
 */
export class RefusalWatch {
  private minutes: Minute[];
  private minuteEndMs: number;
  private readonly samples = new Map<RefusalReason, RefusalSample>();
  private readonly going = new Map<RefusalReason, RefusalAlarm>();

  constructor(private readonly busNames: readonly string[], private readonly clock: Clock) {
    this.minutes = busNames.map(emptyMinute);
    this.minuteEndMs = clock.monotonicMs() + MINUTE_MS;
  }

  get alarms(): RefusalAlarm[] {
    return [...this.going.values()];
  }

  /** A batch of a bus was taken in; `before` and `after` are the books around it. */
  count(bus: number, before: Readonly<EventBooks>, after: Readonly<EventBooks>): void {
    const minute = this.minutes[bus]!;
    minute.received += after.received - before.received;
    for (const reason of REFUSALS) minute.refused[reason] += after[reason] - before[reason];
  }

  /** An event that was refused: the latest one tells of the likely cause. */
  sample(reason: RefusalReason, sample: RefusalSample): void {
    this.samples.set(reason, sample);
  }

  /**
   * Whether alarms have begun or ended since the last look; each is to be told once.
   *
   * @param isLast Nothing more comes: what there is of the minute is judged as a whole one.
   */
  look(isLast = false): { readonly begun: RefusalAlarm[]; readonly ended: RefusalAlarm[] } {
    const isOver = isLast || this.clock.monotonicMs() >= this.minuteEndMs;
    const begun: RefusalAlarm[] = [];
    const ended: RefusalAlarm[] = [];
    const received = this.minutes.reduce((sum, minute) => sum + minute.received, 0);
    if (!isOver && received < ENOUGH_EVENTS) return { begun, ended };
    for (const reason of REFUSALS) {
      const went = this.going.get(reason);
      const detail = this.massOf(reason, received);
      if (detail !== undefined) {
        const alarm = { reason, detail, since: went?.since ?? Math.round(this.clock.nowMs() / 1000) };
        if (!went) begun.push(alarm);
        if (!went || isOver) this.going.set(reason, alarm);
      } else if (went && isOver) {
        this.going.delete(reason);
        ended.push(went);
      }
    }
    if (isOver) {
      this.minutes = this.busNames.map(emptyMinute);
      this.minuteEndMs = this.clock.monotonicMs() + MINUTE_MS;
    }
    return { begun, ended };
  }

  /** How many events are refused for a reason and why; undefined: not many. */
  private massOf(reason: RefusalReason, received: number): string | undefined {
    const refused = this.minutes.reduce((sum, minute) => sum + minute.refused[reason], 0);
    const whole = this.busNames.filter((_, bus) => isWhollyRefused(this.minutes[bus]!, reason));
    if (whole.length === 0 && (refused < MASS_EVENTS || refused <= received * MASS_SHARE)) return undefined;
    const where = whole.length === 0 ? "" : `, and all of ${whole.join(", ")}`;
    const sample = this.samples.get(reason);
    const cause = sample ? likelyCause(reason, sample, this.clock.nowMs()) : "";
    return `${refused} of a minute's ${received} events${where} are refused as ${reason}. ${cause}`;
  }
}

/** Whether nothing of what a bus has brought was taken, and mostly for this reason. */
function isWhollyRefused({ received, refused }: Minute, reason: RefusalReason): boolean {
  const all = REFUSALS.reduce((sum, each) => sum + refused[each], 0);
  return received > 0 && all === received && REFUSALS.every((each) => refused[each] <= refused[reason]);
}

function emptyMinute(): Minute {
  return { received: 0, refused: { invalid: 0, future: 0, late: 0, overflow: 0 } };
}
