import type { LiveOverview } from "../overview.ts";

/** The figures of one moment that rules compare with earlier ones. Counters never go down. */
export interface AlarmFigures {
  /** Unix ms. */
  readonly atMs: number;
  readonly received: number;
  readonly lost: number;
  readonly deadLettersDropped: number;
  /** Refused events by reason. */
  readonly refused: ReadonlyMap<string, number>;
  /** Rejected aggregates by sink. */
  readonly rejected: ReadonlyMap<string, number>;
  readonly sendsDone: number;
  readonly sendsFailed: number;
  /** Events that are not read yet, by bus; a bus that does not tell is not there. */
  readonly unread: ReadonlyMap<string, number>;
  readonly outboxRows: number;
  /** Undefined: not known. */
  readonly diskFreeBytes: number | undefined;
}

export function figuresOf({ activity, buses, machine, nowMs, outboxRows }: LiveOverview): AlarmFigures {
  const { counts, refusals, sends, sinks } = activity;
  const refused = new Map<string, number>();
  for (const { reason, count } of refusals) refused.set(reason, (refused.get(reason) ?? 0) + count);
  return {
    atMs: nowMs,
    received: counts.received,
    lost: counts.lost,
    deadLettersDropped: counts.deadLettersDropped,
    refused,
    rejected: new Map([...sinks].map(([sink, { rejected }]) => [sink, rejected])),
    sendsDone: sends.done,
    sendsFailed: sends.failed,
    unread: new Map(buses.flatMap(({ name, partitions }): [string, number][] => {
      const told = partitions.flatMap(({ unreadEvents }) => unreadEvents ?? []);
      return told.length === 0 ? [] : [[name, told.reduce((sum, events) => sum + events, 0)]];
    })),
    outboxRows,
    diskFreeBytes: machine?.disk?.freeBytes,
  };
}
