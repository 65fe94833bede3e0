import type { z } from "zod";
import type { DEAD_LETTERS_PAGE } from "../../api/dead_letters_endpoint.ts";

/** A page of dead letters, newest first, with all of them by reason. */
export type DeadLettersPage = z.infer<typeof DEAD_LETTERS_PAGE>;
export type DeadLetter = DeadLettersPage["dead_letters"][number];
export type DeadLetterGroup = DeadLettersPage["groups"][number];
export type Reason = DeadLetterGroup["reason"];

interface ReasonInWords {
  readonly meaning: string;
  /** What to do about it. */
  readonly advice: string;
}

/** What each reason means, and the way back. */
export const REASONS: Readonly<Record<Reason, ReasonInWords>> = {
  invalid: {
    meaning: "Events that cannot be read: a name, a value or a timestamp is missing or wrong.",
    advice: "Mend the publisher, or the settings EVENT_… that say where these stand. Then retry.",
  },
  future: {
    meaning: "Events whose timestamps are ahead of the clock of this host.",
    advice: "Where this host's clock or a setting of the time's unit was wrong, mend it, then retry. " +
      "Timestamps of a device whose clock is wrong stay wrong: set its clock, and purge them.",
  },
  late: {
    meaning: "Events that came after their windows could be corrected no more.",
    advice: "Where events were only kept for long, set a longer CORRECTION_HORIZON, then retry. " +
      "Timestamps of a device whose clock is wrong stay wrong: set its clock, and purge them.",
  },
  overflow: {
    meaning: "Events of new series, beyond MAX_SERIES.",
    advice: "Find out who sends so many names or labels, or raise MAX_SERIES. Then retry.",
  },
  not_finite: {
    meaning: "Aggregates whose value is too large for a number.",
    advice: "Find the events with absurd values. A retry changes nothing: export and purge them.",
  },
  rejected: {
    meaning: "Aggregates that a sink has refused for what is in them.",
    advice: "Mend the sink, such as a constraint or the width of a column. Then retry.",
  },
  postponed: {
    meaning: "Aggregates that a sink has refused for a reason that passes.",
    advice: "Nothing: they are tried again by themselves.",
  },
};
