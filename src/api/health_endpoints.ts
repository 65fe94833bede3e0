import * as z from "zod";
import type { Finding, LiveOverview } from "../runtime/overview.ts";
import type { Note } from "../runtime/notes.ts";
import { alarmsOf, causesOf, withoutNames } from "../runtime/readiness.ts";
import { type Endpoint, endpoint, jsonReply } from "./endpoint.ts";

/** Causes or alarms, each by name. */
export const FINDINGS = z.array(z.strictObject({ name: z.string(), detail: z.string() }));

/** Whether events go in and aggregates out. */
export const READINESS = z.strictObject({
  status: z.enum(["ready", "not_ready"]),
  causes: FINDINGS,
  alarms: FINDINGS.optional(),
  notes: FINDINGS.optional().meta({ description: "What is not read yet, since other instances have it" }),
  hint: z.string().optional().meta({ description: "Who gets more than this; only for who does not" }),
});

type Readiness = z.input<typeof READINESS>;

/** The notes that say what is not read, with what strangers may know of them. */
const READING_NOTES: Partial<Readonly<Record<Note["name"], string>>> = {
  partition_awaited: "partitions wait for another instance",
  partition_taken: "another instance has taken partitions over",
};

const HINT = "a reader gets the details: with a token, or on loopback where none is set";

/** Of probes: whatever they add to the path is ignored. */
const ANYTHING = z.object({});

/** Whether the process is alive, and whether events go in and aggregates out. */
export function healthEndpoints(look: () => LiveOverview): Endpoint[] {
  return [
    endpoint({
      method: "GET",
      path: "/healthz",
      role: "probe",
      summary: "is the process alive",
      query: ANYTHING,
      reply: z.strictObject({ status: z.literal("ok") }),
      answer: () => ({ status: "ok" as const }),
    }),
    endpoint({
      method: "GET",
      path: "/readyz",
      role: "probe",
      summary: "do events go in and aggregates out",
      query: ANYTHING,
      reply: READINESS,
      otherStatuses: [503],
      answer: ({ caller: { role } }) => {
        const overview = look();
        const readiness = role === undefined ? readinessForStrangers(overview) : readinessOf(overview);
        return jsonReply(readiness.status === "ready" ? 200 : 503, readiness);
      },
    }),
  ];
}

/** What `/readyz` says to readers. */
export function readinessOf(overview: LiveOverview): Readiness {
  return readinessWith(
    causesOf(overview),
    alarmsOf(overview),
    overview.notes.filter(({ name }) => name in READING_NOTES),
  );
}

/**
 * The same for whoever asks: a probe has no token. The details name hosts, users, paths and series, which are
 * not for everybody.
 */
function readinessForStrangers(overview: LiveOverview): Readiness {
  const names = new Set(overview.notes.map(({ name }) => name));
  const { causes, ...more } = readinessWith(
    withoutNames(causesOf(overview)),
    withoutNames(alarmsOf(overview)),
    [...names].flatMap((name) => {
      const detail = READING_NOTES[name];
      return detail === undefined ? [] : [{ name, detail }];
    }),
  );
  const isPlain = causes.length === 0 && more.alarms === undefined && more.notes === undefined;
  return { ...more, causes, ...(!isPlain && { hint: HINT }) };
}

function readinessWith(
  causes: readonly Finding[],
  alarms: readonly Finding[],
  notes: readonly Finding[],
): Readiness {
  const plain = (findings: readonly Finding[]) => findings.map(({ name, detail }) => ({ name, detail }));
  return {
    status: causes.length === 0 ? "ready" : "not_ready",
    causes: plain(causes),
    ...(alarms.length > 0 && { alarms: plain(alarms) }),
    ...(notes.length > 0 && { notes: plain(notes) }),
  };
}
