import { type NamePattern, namePattern } from "../event/name_pattern.ts";

/** One rule of `ROUTES`. */
interface Rule {
  readonly pattern: NamePattern;
  readonly sinks: readonly string[];
}

const NOWHERE = "none";

/**
 * Decides which sinks an event name goes to. The first rule that matches counts; the last one matches
 * everything.
 */
export class Routes {
  /** The sinks for all names, where the first rule matches everything. Then names need not be looked at. */
  readonly always: readonly string[] | undefined;

  constructor(private readonly rules: readonly Rule[]) {
    const { pattern, sinks } = rules[0]!;
    this.always = pattern.isCatchAll ? sinks : undefined;
  }

  /** The sinks for `name`; empty: its aggregates are dropped knowingly. */
  sinksFor(name: string): readonly string[] {
    return this.rules.find(({ pattern }) => pattern.matches(name))!.sinks;
  }
}

/**
 * Compiles the text of `ROUTES`, such as `orders.*=kafka;audit.*=kafka,postgres;*=none`; undefined sends
 * everything to all sinks. Each fault is a sentence of its own.
 */
export function compileRoutes(
  text: string | undefined,
  sinkNames: readonly string[],
): { readonly ok: Routes } | { readonly faults: readonly string[] } {
  if (text === undefined) return { ok: new Routes([rule("*", sinkNames)]) };
  const parts = text.split(";").map((part) => part.trim()).filter((part) => part !== "");
  const faults: string[] = [];
  const rules = parts.map((part) => parseRule(part, sinkNames, faults));
  const catchAll = rules.findIndex(({ pattern }) => pattern.isCatchAll);
  if (catchAll < 0) {
    faults.push(
      'the last rule must be a catch-all: end with "*=SINK" (or "*=none" to drop the rest knowingly)',
    );
  } else if (catchAll < rules.length - 1) {
    faults.push(`"${parts[catchAll + 1]}" can never match, since the rule before it matches everything`);
  }
  return faults.length > 0 ? { faults } : { ok: new Routes(rules) };
}

function parseRule(text: string, sinkNames: readonly string[], faults: string[]): Rule {
  // A name may contain "=", a sink cannot.
  const separator = text.lastIndexOf("=");
  const pattern = text.slice(0, Math.max(0, separator)).trim();
  if (pattern === "") {
    faults.push(`"${text}" is not of the form PATTERN=SINK,SINK`);
    return rule("", []);
  }
  const sinks = text.slice(separator + 1).split(",").map((sink) => sink.trim());
  if (sinks.length === 1 && sinks[0] === NOWHERE) return rule(pattern, []);
  for (const sink of sinks) {
    if (sink === NOWHERE) faults.push(`"${text}" names "none" beside a sink`);
    else if (!sinkNames.includes(sink)) {
      faults.push(`"${text}" names "${sink}", which is not in STORAGE_TYPE (${sinkNames.join(", ")})`);
    }
  }
  return rule(pattern, [...new Set(sinks)]);
}

function rule(pattern: string, sinks: readonly string[]): Rule {
  return { pattern: namePattern(pattern), sinks };
}
