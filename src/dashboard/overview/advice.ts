import type { Note } from "../../runtime/notes.ts";
import type { CauseName } from "../../runtime/readiness.ts";

interface Advice {
  readonly title: string;
  /** What to do next. */
  readonly advice: string;
}

/** What each cause for not being ready means, and what to do about it. */
export const ADVICE: Readonly<Record<CauseName, Advice>> = {
  stopping: {
    title: "The handler is being stopped",
    advice: "It makes a last checkpoint and ends. Start it again where that was not meant.",
  },
  state_not_writable: {
    title: "The state cannot be written",
    advice: "Make room on the disk of STATE_DIR, or give the service's user the right to write there. " +
      "Reading goes on by itself, and nothing is lost.",
  },
  state_gone: {
    title: "The state's files are gone",
    advice: "Find out who removed them, restore them from a backup, and start the handler again.",
  },
  state_disputed: {
    title: "Another handler uses the same state",
    advice: "Stop one of the two: two handlers must never share a state or its copy.",
  },
  outbox_full: {
    title: "The outbox is full",
    advice: "Mend the sink that does not take its aggregates. The bus keeps the events until then; reading " +
      "goes on by itself.",
  },
  clock_behind: {
    title: "The clock of this host is behind",
    advice: "Set the clock (NTP). Reading goes on by itself when it is right.",
  },
  source_paused: {
    title: "A source is paused",
    advice: "An operator has paused it. Resume it when its time has come.",
  },
  sink_paused: {
    title: "A sink is paused",
    advice: "An operator has paused it. Its aggregates wait in the outbox until it is resumed.",
  },
  bus_starting: {
    title: "A bus is being opened",
    advice: "Wait some seconds. Where it stays so, the bus does not answer.",
  },
  bus_unavailable: {
    title: "A bus cannot be read",
    advice:
      "Change what the message names, such as a token. Where there is no connection, see that the bus " +
      "runs and that this host reaches it; the command check tries every right. The handler keeps trying.",
  },
  sink_starting: {
    title: "A sink is being opened",
    advice: "Wait some seconds. Where it stays so, the sink does not answer.",
  },
  sink_unavailable: {
    title: "A sink cannot be written",
    advice: "Mend what the message names, such as a full disk. Where there is no connection, see that the " +
      "sink runs and that this host reaches it. Its aggregates wait in the outbox, and the handler keeps " +
      "trying.",
  },
  sink_misconfigured: {
    title: "A sink refuses the handler",
    advice: "Change what the message names, such as a password, a right or a missing table. The handler " +
      "tries again by itself.",
  },
};

const CHANGE_A_RULE =
  "Nothing where it is meant so. Else change the rule and read the settings again (SIGHUP); " +
  "it counts from then on.";

/** What each note means, and what to do about it. */
export const NOTE_ADVICE: Readonly<Record<Note["name"], Advice>> = {
  dropped_by_functions: { title: "Events are dropped by a rule", advice: CHANGE_A_RULE },
  routed_to_no_sink: { title: "Aggregates go to no sink, by a rule", advice: CHANGE_A_RULE },
  clock_ahead: {
    title: "A device's clock is ahead",
    advice: "Set the clock of the device, or its time zone. What was refused is kept as dead letters.",
  },
  timestamps_in_finer_unit: {
    title: "Timestamps in another unit",
    advice: "Let the device send Unix seconds; where events are mapped, EVENT_TIME_UNIT says their unit. " +
      "What was refused is kept as dead letters.",
  },
  perhaps_renamed: {
    title: "A series may have been renamed",
    advice: "Ask who runs the device. Where it was renamed, change what goes by the old name, such as " +
      "queries and rules. Else find out why it sends nothing.",
  },
  partition_awaited: {
    title: "Partitions wait for another instance",
    advice:
      "Start the instance that has them with the same INSTANCE_COUNT, so that it gives them away. They " +
      "are taken within seconds then.",
  },
  partition_taken: {
    title: "Another instance has taken partitions over",
    advice: "Find out who has started it with --take-over. This instance goes on with what it has.",
  },
};
