import { functionId, UNNAMED } from "../../event/agg_function.ts";
import { canonicalLabels, labelsProblem } from "../../event/labels.ts";
import { type CheckedEvent, functionProblem, nameProblem } from "../event_check.ts";
import type { EventMapping } from "./event_mapping.ts";
import { kindOf, numberIn } from "./number.ts";
import type { Hole, Pointer, Template } from "./template.ts";
import { timeIn } from "./time.ts";

/** What is known of a record beside its bytes. */
export interface RecordContext {
  /** Its topic or subject at the bus; undefined: the bus has none. */
  readonly topic?: string | undefined;
  /** What separates the levels of the topic; undefined: a slash. */
  readonly separator?: string | undefined;
  readonly key?: string | undefined;
  /** Whether it is an event of protocol v1; undefined: as the mapping says. */
  readonly isEvent?: boolean | undefined;
  /** When the bus got it, Unix ms; undefined: it does not say. */
  readonly busMs?: number | undefined;
  /** When it arrived here, Unix ms. */
  readonly arrivedMs: number;
}

/** One event of a record, or why it is not one. */
export interface Reading {
  readonly event: CheckedEvent | string;
  /** A record with this event alone; undefined: the record itself is one. */
  readonly alone?: (() => string) | undefined;
}

/**
 * Thrown where a record does not fit the mapping. It is not an Error, since there may be very many and no
 * stack is needed.
 */
export class Unfit {
  /** @param problem For the operator. */
  constructor(readonly problem: string) {}
}

/** Name and canonical labels, checked. */
export type SeriesText = Pick<CheckedEvent, "name" | "labels">;

/** What an event is made of, where the format has it by other means than the mapping. */
export interface Parts {
  /** What a pointer finds; undefined: nothing. */
  at(pointer: Pointer): unknown;
  /** What fills a hole of the format; undefined: nothing. */
  fill(hole: Hole): unknown;
  readonly value: unknown;
  /** How the value is called in messages: `the field temp`. */
  readonly valueName: string;
  /** Name and labels that the mapping is known to give; undefined: they are not known yet. */
  readonly series?: SeriesText | undefined;
  /** Where the value was found, if a record may have several; undefined: it has one. */
  readonly valuePath?: readonly string[] | undefined;
  /** The time that each record of the format has; undefined: it has none. */
  readonly ownTime?: number | undefined;
  /** The id that each record of the format has; undefined: it has none. */
  readonly ownId?: string | undefined;
  readonly tags?: Readonly<Record<string, string>>;
}

/** Makes an event of its parts, or says what is wrong. */
export function makeEvent(
  mapping: EventMapping,
  parts: Parts,
  context: RecordContext,
): CheckedEvent | string {
  try {
    return eventOf(mapping, parts, context);
  } catch (error) {
    if (error instanceof Unfit) return error.problem;
    throw error;
  }
}

function eventOf(mapping: EventMapping, parts: Parts, context: RecordContext): CheckedEvent {
  const value = numberIn(parts.value);
  if (typeof value === "string") throw new Unfit(`${parts.valueName} ${value}`);
  const { labels, name } = parts.series ?? seriesText(mapping, parts, context);
  return {
    name,
    labels,
    functionId: functionOf(mapping, parts),
    value,
    timeMs: timeOf(mapping, parts, context),
    id: idOf(mapping, parts),
  };
}

function seriesText(mapping: EventMapping, parts: Parts, context: RecordContext): SeriesText {
  const name = filled(mapping.name, parts, context);
  const problem = nameProblem(name);
  if (problem !== undefined) throw new Unfit(problem);
  const labels = labelsOf(mapping, parts, context);
  const labelProblem = labelsProblem(name, labels);
  if (labelProblem !== undefined) throw new Unfit(labelProblem);
  return { name, labels: canonicalLabels(labels as Record<string, string>) };
}

function functionOf({ function: pointer }: EventMapping, parts: Parts): number {
  const named = pointer && parts.at(pointer);
  if (named === undefined || named === null || named === "") return UNNAMED;
  const id = typeof named === "string" ? functionId(named) : -1;
  if (id < 0) throw new Unfit(functionProblem(named));
  return id;
}

function timeOf({ timestamp, timeUnit }: EventMapping, parts: Parts, context: RecordContext): number {
  if (timestamp === "bus") return context.busMs ?? context.arrivedMs;
  if (timestamp === "own") return parts.ownTime ?? context.busMs ?? context.arrivedMs;
  const found = parts.at(timestamp);
  if (found === undefined || found === null) throw new Unfit(`no timestamp: ${timestamp.text} finds nothing`);
  const timeMs = timeIn(found, timeUnit);
  if (typeof timeMs === "string") throw new Unfit(timeMs);
  return timeMs;
}

/**
 * The id of an event. Where a record may have several, each has one of its own, or the second one would be a
 * duplicate of the first.
 */
function idOf(mapping: EventMapping, parts: Parts): string | undefined {
  const id = idAt(mapping, parts);
  return id === undefined || parts.valuePath === undefined ? id : JSON.stringify([id, ...parts.valuePath]);
}

/** As in protocol v1, only a text is an id; here a number is, too. */
function idAt({ id: pointer }: EventMapping, parts: Parts): string | undefined {
  const id = pointer === undefined ? parts.ownId : parts.at(pointer);
  if (typeof id === "number") return textOf(id, pointer!.text);
  if (typeof id !== "string" || id === "") return undefined;
  if (!id.isWellFormed()) throw new Unfit("id with half a surrogate pair");
  return id;
}

function labelsOf({ labels }: EventMapping, parts: Parts, context: RecordContext): unknown {
  if (labels === "tags") return parts.tags ?? {};
  if ("tokens" in labels) return parts.at(labels) ?? {};
  const found: Record<string, string> = Object.create(null);
  for (const { label, template } of labels) {
    const [only] = template.parts;
    // A label that a record does not have is left out, as a tag is.
    const isAbsent = template.parts.length === 1 && typeof only === "object" &&
      (contentOf(only, parts, context) ?? null) === null;
    if (!isAbsent) found[label] = filled(template, parts, context);
  }
  return found;
}

function filled({ parts: pieces }: Template, parts: Parts, context: RecordContext): string {
  let text = "";
  for (const piece of pieces) {
    text += typeof piece === "string" ? piece : textOf(contentOf(piece, parts, context), piece.text);
  }
  return text;
}

function contentOf(hole: Hole, parts: Parts, { topic, separator, key }: RecordContext): unknown {
  switch (hole.kind) {
    case "pointer":
      return parts.at(hole.pointer);
    case "topic":
      return topic;
    case "level":
      return topic?.split(separator ?? "/")[hole.level];
    case "key":
      return key;
    default:
      return parts.fill(hole);
  }
}

/** The value for a hole. */
function textOf(content: unknown, hole: string): string {
  switch (typeof content) {
    case "string":
      return content;
    case "boolean":
      return String(content);
    case "number":
      if (Number.isSafeInteger(content) || !Number.isInteger(content)) return String(content);
      throw new Unfit(`${hole} finds a whole number beyond 2^53, which keeps all its digits only in quotes`);
    default:
      throw new Unfit(`${hole} finds ${kindOf(content)}`);
  }
}
