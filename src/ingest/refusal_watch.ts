import type { EventBooks } from "../aggregation/event_books.ts";
import { type RefusalReason, REFUSALS } from "../aggregation/refusal.ts";
import { seriesInWords } from "../event/labels.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { RefusalAlarm } from "../state/letters/refusal_alarms.ts";
import { listed } from "./listed.ts";
import { likelyCause, type RefusalSample } from "./refusal_cause.ts";
import { spanInWords } from "./span_in_words.ts";
import { QUIET_MS, type SeriesTrouble } from "./series_troubles.ts";

const MINUTE_MS = 60_000;
/** Refused events are a mass above this share of a minute's events, if they are at least this many. */
const MASS_SHARE = 0.1;
const MASS_EVENTS = 10;
/** Events after which a minute is judged before it is over. */
const ENOUGH_EVENTS = 100;
/** After that long without a refused event, somebody may have mended it. */
const STOPPED_MS = 30_000;

/** The counts of one bus in this minute. */
interface Minute {
  received: number;
  readonly refused: Record<RefusalReason, number>;
}

/**
 * Finds masses of refused events: more than a tenth of a minute's events, or all events of a bus in that
 * minute. There is one alarm for each reason. It ends with the first minute without a mass.
 */
export class RefusalWatch {
  private minutes: Minute[];
  private minuteEndMs: number;
  private readonly samples = new Map<RefusalReason, RefusalSample>();
  private readonly going = new Map<RefusalReason, RefusalAlarm>();
  /** When the last event was refused for a reason, by the clock that never jumps. */
  private readonly lastMs = new Map<RefusalReason, number>();

  /** @param troubles The series with refused events: who looks for the device wants to know which one. */
  constructor(
    private readonly busNames: readonly string[],
    private readonly clock: Clock,
    private readonly troubles: () => Iterable<SeriesTrouble>,
  ) {
    this.minutes = busNames.map(emptyMinute);
    this.minuteEndMs = clock.monotonicMs() + MINUTE_MS;
  }

  get alarms(): RefusalAlarm[] {
    return [...this.going].map(([reason, alarm]) => ({
      ...alarm,
      detail: alarm.detail + this.stopped(reason),
    }));
  }

  /** Counts a batch of a bus; `before` and `after` are the books around it. */
  count(bus: number, before: Readonly<EventBooks>, after: Readonly<EventBooks>): void {
    const minute = this.minutes[bus]!;
    minute.received += after.received - before.received;
    for (const reason of REFUSALS) {
      const refused = after[reason] - before[reason];
      minute.refused[reason] += refused;
      if (refused > 0) this.lastMs.set(reason, this.clock.monotonicMs());
    }
  }

  /** Notes a refused event. The latest one is the sample for the likely cause. */
  sample(reason: RefusalReason, sample: RefusalSample): void {
    this.samples.set(reason, sample);
  }

  /**
   * The alarms that have begun or ended since the last call; each is reported once.
   *
   * @param isLast Nothing more comes: the minute is judged now.
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

  /** The number of events refused for a reason, and the likely cause; undefined: it is no mass. */
  private massOf(reason: RefusalReason, received: number): string | undefined {
    const refused = this.minutes.reduce((sum, minute) => sum + minute.refused[reason], 0);
    const whole = this.busNames.filter((_, bus) => isWhollyRefused(this.minutes[bus]!, reason));
    if (whole.length === 0 && (refused < MASS_EVENTS || refused <= received * MASS_SHARE)) return undefined;
    const where = whole.length === 0 ? "" : `, and all of ${whole.join(", ")}`;
    const sample = this.samples.get(reason);
    const cause = sample ? likelyCause(reason, sample, this.clock.nowMs()) : "";
    return `${refused} of a minute's ${received} events${where} are refused as ${reason}. ${
      this.whose(reason)
    }${cause}`;
  }

  /** For how long no event was refused for a reason; empty: they go on. */
  private stopped(reason: RefusalReason): string {
    const nowMs = this.clock.monotonicMs();
    const quietMs = nowMs - (this.lastMs.get(reason) ?? nowMs);
    return quietMs < STOPPED_MS
      ? ""
      : ` None has come for ${spanInWords(quietMs)}; the alarm ends with the first minute without a mass.`;
  }

  /** Of which series events are refused for a reason, those with the most first. */
  private whose(reason: RefusalReason): string {
    // What is not valid may have no name.
    if (reason === "invalid") return "";
    const nowMs = this.clock.nowMs();
    const refused = [...this.troubles()].filter((trouble) =>
      trouble.refused[reason] > 0 && Math.abs(nowMs - trouble.lastMs) <= QUIET_MS
    ).sort((a, b) => b.refused[reason] - a.refused[reason]);
    return refused.length === 0
      ? ""
      : `They are of ${refused.length} series: ${listed(refused.map(seriesInWords))}. `;
  }
}

/** Whether all events of a bus were refused, most of them for this reason. */
function isWhollyRefused({ received, refused }: Minute, reason: RefusalReason): boolean {
  const all = REFUSALS.reduce((sum, each) => sum + refused[each], 0);
  return received > 0 && all === received && REFUSALS.every((each) => refused[each] <= refused[reason]);
}

function emptyMinute(): Minute {
  return { received: 0, refused: { invalid: 0, future: 0, late: 0, overflow: 0 } };
}
