import { BOUNDED_REASONS } from "../letters/dead_letter_reason.ts";
import { readBookEntries } from "../checkpoint/book_entries.ts";
import { readTierCounts } from "../checkpoint/tier_books.ts";
import { Books } from "../checkpoint/books.ts";
import type { StateDatabase } from "../file/state_database.ts";

/** Events or aggregates that were dropped, for whatever reason. `verify` reports them with its proof. */
export interface Loss {
  /** The kind of the loss, for programs. */
  readonly name: string;
  readonly count: number;
  readonly unit: "event" | "aggregate";
  /** Why it was refused before; null: it was not. */
  readonly reason: string | null;
  /** The sink that lacks it; null: all lack it. */
  readonly sink: string | null;
  /** Whether an operator's order or setting caused it. */
  readonly knowingly: boolean;
  /** Completes the sentence that begins with the count. */
  readonly what: string;
}

/** The counter of dropped dead letters, by the reason of their refusal. */
export const droppedEntry = (reason: string) => `letters_dropped_${reason}`;
/** The counter of events that were given up by `--skip-to`. They are counted in `lost` as well. */
export const SKIPPED_ENTRY = "skipped";

/** The counter of events that may have been counted twice, since a bus has given them again. */
export const DOUBTFUL_ENTRY = "perhaps_counted_twice";
/** The counter of how often a bus began anew, or came back without events that were read. */
export const RESET_ENTRY = "resets";

/**
 * Everything that was ever dropped, by the last checkpoint; empty: nothing was. Code that drops something new
 * must be added here.
 */
export function readLosses(state: StateDatabase): Loss[] {
  return state.snapshot(() =>
    [
      ...lostOnBuses(state),
      ...lostDeadLetters(state),
      ...lostToSettings(state),
      ...lostToSinks(state),
    ]
      .filter(({ count }) => count > 0)
  );
}

/** The number of dead letters that are still kept, by reason. */
export function keptDeadLetters(state: StateDatabase): ReadonlyMap<string, number> {
  const rows = state.all<{ reason: string; deadLetters: number }>(
    "SELECT reason, count(*) AS deadLetters FROM dead_letter WHERE NOT purged GROUP BY reason ORDER " +
      "BY reason",
  );
  return new Map(rows.map(({ reason, deadLetters }) => [reason, deadLetters]));
}

function lostOnBuses(state: StateDatabase): Loss[] {
  const entries = readBookEntries(state);
  const skipped = entries.get(SKIPPED_ENTRY) ?? 0;
  return [
    loss("trimmed", (entries.get("lost") ?? 0) - skipped, {
      what: ({ they, were }) =>
        `${were} gone from a bus before ${they} ${were} fetched: trimmed away, or lost in a reset`,
    }),
    loss("skipped", skipped, { knowingly: true, what: ({ were }) => `${were} given up with --skip-to` }),
  ];
}

/** Each refused event is counted under its reason, and is a dead letter until it is dropped or purged. */
function lostDeadLetters(state: StateDatabase): Loss[] {
  const entries = readBookEntries(state);
  const kept = keptDeadLetters(state);
  const dropped = BOUNDED_REASONS.map((reason) => entries.get(droppedEntry(reason)) ?? 0);
  // States before schema 3 have counted dropped dead letters, but not by reason.
  const isTold = dropped.reduce((sum, count) => sum + count, 0) >= (entries.get("letters_dropped") ?? 0);
  return BOUNDED_REASONS.flatMap((reason, i) => {
    const gone = (entries.get(reason) ?? 0) - (kept.get(reason) ?? 0) - dropped[i]!;
    const more = { reason, unit: reason === "not_finite" ? "aggregate" as const : "event" as const };
    const who = `refused as ${reason}`;
    return [
      loss("dropped", dropped[i]!, {
        ...more,
        what: ({ were }) => `${who} ${were} dropped, since more dead letters are not kept`,
      }),
      isTold
        ? loss("purged", gone, {
          ...more,
          knowingly: true,
          what: ({ were }) => `${who} ${were} purged by an operator`,
        })
        : loss("dropped_or_purged", gone, {
          ...more,
          what: ({ were }) =>
            `${who} ${were} dropped, since more dead letters are not kept, or purged by an operator`,
        }),
    ];
  });
}

function lostToSettings(state: StateDatabase): Loss[] {
  const entries = readBookEntries(state);
  return [
    loss("unwanted", entries.get("dropped") ?? 0, {
      knowingly: true,
      what: ({ were }) => `${were} dropped, by \`none\` in AGG_FUNCTIONS`,
    }),
    ...[...readTierCounts(state)].map(([lengthMs, { lateShares }]) =>
      loss("late", lateShares, {
        reason: "late",
        what: ({ count, their }) =>
          `came too late for ${their} windows of ${lengthMs / 1000} s, and ${count} in others only`,
      })
    ),
    loss("unrouted", entries.get("unrouted") ?? 0, {
      knowingly: true,
      what: () => "went to no sink, by `none` in ROUTES",
    }),
  ];
}

function lostToSinks(state: StateDatabase): Loss[] {
  const books = new Books(state);
  return [...books.sinks, ...books.absentSinks].flatMap((sink) => [
    loss("forgotten", sink.givenUpCount, {
      sink: sink.id,
      knowingly: true,
      what: ({ are }) => `${are} not in ${sink.id}, by --forget-sink`,
    }),
    loss("purged", sink.purgedCount + books.refusedEvents(sink).purged, {
      sink: sink.id,
      reason: "rejected",
      knowingly: true,
      what: ({ are, them, were }) =>
        `${are} not in ${sink.id}, which rejected ${them}, and ${were} purged by an operator`,
    }),
  ]);
}

const ONE = { are: "is", were: "was", they: "it", them: "it", their: "its", count: "counts" };
const SEVERAL = { are: "are", were: "were", they: "they", them: "them", their: "their", count: "count" };

function loss(
  name: string,
  count: number,
  { what, ...more }: Partial<Omit<Loss, "what">> & { readonly what: (words: typeof ONE) => string },
): Loss {
  const known = { name, count, unit: "event", reason: null, sink: null, knowingly: false } as const;
  return { ...known, ...more, what: what(count === 1 ? ONE : SEVERAL) };
}
