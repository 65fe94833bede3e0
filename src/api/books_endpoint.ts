import * as z from "zod";
import type { Inquiries } from "../control/inquiries.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { answered, OVERLOADED } from "./inquiry.ts";

const COUNT = z.int().min(0);

const SHARE = z.strictObject({ index: COUNT, count: COUNT });

const PARTITION = z.strictObject({
  name: z.string(),
  identity: z.string().meta({ description: "The same in the books of all instances" }),
  reading: z.strictObject({
    offset: COUNT.meta({ description: "Of the next record" }),
    ranges: z.array(z.strictObject({ from: COUNT, to: COUNT })).meta({
      description: "The offsets that were read, up to and without `to`",
    }),
    epoch: COUNT.meta({ description: "How often the partition has changed hands" }),
    begun: COUNT.nullable().meta({
      description: "Where the first of all instances began; null: not known",
    }),
    given_to: SHARE.nullable().meta({ description: "Null: this instance has it" }),
  }).nullable().meta({ description: "Null: positions do not say it" }),
});

const LOSS = z.strictObject({
  name: z.string(),
  count: COUNT,
  unit: z.enum(["event", "aggregate"]),
  reason: z.string().nullable(),
  sink: z.string().nullable(),
  knowingly: z.boolean(),
  what: z.string(),
});

/** Events, in all windows or in those of one length. */
const EVENTS = {
  routed_events: COUNT.meta({ description: "In aggregates that the sink has or will get" }),
  undelivered_events: COUNT.meta({ description: "Of these, those on their way to it" }),
  refused_events: COUNT.meta({ description: "Of these, those that it has refused" }),
};

const SINK = z.strictObject({
  sink: z.string(),
  kind: z.string(),
  present: z.boolean().meta({ description: "Whether the handler delivers to it now" }),
  ...EVENTS,
  given_up_events: COUNT,
  tiers: z.array(z.strictObject({ window_seconds: z.number(), ...EVENTS })),
  sent_again: z.array(z.strictObject({ from: z.number(), until: z.number() })).meta({
    description: "Spans that an operator has had sent again, Unix seconds",
  }),
});

/** The books of the handler. */
export const BOOKS = z.strictObject({
  instance: z.string(),
  state_id: z.string(),
  state_file: z.string(),
  share: SHARE.nullable().meta({
    description: "INSTANCE_INDEX and INSTANCE_COUNT; null: the handler reads everything",
  }),
  partitions: z.array(PARTITION),
  state_faults: z.array(z.string()).meta({ description: "Contradictions; empty: the books balance" }),
  losses: z.array(LOSS),
  lost: COUNT,
  perhaps_counted_twice: COUNT,
  resets: COUNT.meta({ description: "How often a bus began anew, with unread events that nobody knows of" }),
  kept_letters: COUNT,
  sinks: z.array(SINK),
});

/** What `verify --fleet URL` compares with the rows in the sinks, and with the books of other instances. */
export function booksEndpoint(inquiries: Inquiries): Endpoint {
  return endpoint({
    method: "GET",
    path: "/api/books",
    role: "viewer",
    summary: "the books, for verify --fleet: offsets read of each partition, and what each sink must have",
    query: z.strictObject({}),
    reply: BOOKS,
    errorStatuses: OVERLOADED,
    answer: () => answered(() => inquiries.books()),
  });
}
