import * as z from "zod";
import { meantBy } from "./near_miss.ts";
import type { ValueType } from "./value_type.ts";

/** A sink of `STORAGE_TYPE`: its name and its kind. */
export interface SinkName {
  /** Its name in routes, cursors, metrics and reports. */
  readonly id: string;
  /** The name of its connector. */
  readonly kind: string;
}

const ID = /^[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*$/;
const ID_MAX_CHARACTERS = 40;
/** Characters of an unknown word that are shown. */
const SHOWN_CHARACTERS = 40;
/** The word of `ROUTES` for no sink at all. */
const NOWHERE = "none";

/** Sinks by their kinds, or as `id:kind` where there are several of a kind; with commas, none twice. */
export function sinkNames(kinds: readonly string[]): ValueType<readonly SinkName[]> {
  return {
    placeholder: "<list>",
    allowed: `${kinds.join(", ")}, or several of them with commas; a second one of a kind as id:kind, ` +
      `such as history:${kinds[1] ?? kinds[0]}`,
    suggestions: kinds,
    schema: z.string().transform((text, context) => {
      const names = text.split(",").map((part) => readName(part.trim().toLowerCase()));
      const problem = names.map((name) => problemOf(name, kinds)).find((found) => found !== undefined) ??
        problemOfAll(names);
      if (problem === undefined) return names;
      context.addIssue({ code: "custom", message: problem });
      return z.NEVER;
    }),
  };
}

/** The valid sinks in a text that is refused. */
export function soundSinkNames(text: string, kinds: readonly string[]): SinkName[] {
  const names = text.toLowerCase().split(/[,;\s]+/).map(readName)
    .filter((name) => problemOf(name, kinds) === undefined);
  return names.filter(({ id }, index) =>
    names.findIndex((name) => prefixOf(name.id) === prefixOf(id)) === index
  );
}

/** The prefix of the settings of a sink; empty where the sink is named by its kind. */
export function prefixOfSink({ id, kind }: SinkName): string {
  return id === kind ? "" : prefixOf(id);
}

/** The sink as text in `STORAGE_TYPE`. */
export function wordOfSink({ id, kind }: SinkName): string {
  return id === kind ? kind : `${id}:${kind}`;
}

function prefixOf(id: string): string {
  return `${id.replaceAll("-", "_").toUpperCase()}_`;
}

function readName(word: string): SinkName {
  const [, id = word, kind = word] = /^([^:]*):(.*)$/.exec(word) ?? [];
  return { id: id.trim(), kind: kind.trim() };
}

function problemOf({ id, kind }: SinkName, kinds: readonly string[]): string | undefined {
  if (!kinds.includes(kind)) {
    return `has ${JSON.stringify(kind.slice(0, SHOWN_CHARACTERS))}, which is not known${
      meantBy(kind, kinds)
    }`;
  }
  if (id === kind) return undefined;
  if (kinds.includes(id)) {
    return `has the id ${id} for a sink of the kind ${kind}, but ${id} is another kind; take another id`;
  }
  if (id === NOWHERE) return `has the id ${NOWHERE}, which stands for no sink in ROUTES; take another id`;
  return ID.test(id) && id.length <= ID_MAX_CHARACTERS
    ? undefined
    : "has an id that is not of lower-case letters and digits, with - or _ between, at most " +
      `${ID_MAX_CHARACTERS}`;
}

function problemOfAll(names: readonly SinkName[]): string | undefined {
  for (const [index, { id }] of names.entries()) {
    const earlier = names.slice(0, index).find((name) => prefixOf(name.id) === prefixOf(id));
    if (earlier === undefined) continue;
    return earlier.id === id
      ? "names the same twice"
      : `has the ids ${earlier.id} and ${id}, whose settings would be called the same (${prefixOf(id)}…)`;
  }
  return undefined;
}
