import { type Tier, tierText } from "../aggregation/tier.ts";
import { type NamePattern, namePattern } from "../event/name_pattern.ts";
import { MetNames, type NoneRule } from "../event/none_rule.ts";
import { durationMs } from "../platform/clock/duration.ts";

/** One rule of `ROUTES`. */
export interface Rule {
  readonly pattern: NamePattern;
  /** The windows that it is for; undefined: all. */
  readonly tier: Tier | undefined;
  readonly sinks: readonly string[];
  /** As the operator has written it. */
  readonly text: string;
  /** The names that it sends nowhere; undefined: it has sinks. */
  readonly met: MetNames | undefined;
}

const NOWHERE = "none";

/** Decides which sinks the aggregates of one tier go to. */
export class TierRoutes {
  /** The sinks for all names, where the first rule matches everything. Then names need not be looked at. */
  readonly always: readonly string[] | undefined;

  constructor(readonly rules: readonly Rule[]) {
    const { pattern, sinks } = rules[0]!;
    this.always = pattern.isCatchAll ? sinks : undefined;
  }

  /** The sinks for `name`; empty: its aggregates are dropped knowingly. */
  sinksFor(name: string): readonly string[] {
    const { met, sinks } = this.rules.find(({ pattern }) => pattern.matches(name))!;
    met?.note(name);
    return sinks;
  }
}

/**
 * Decides which sinks an aggregate goes to, by its name and its tier. The first rule that matches counts; the
 * last one matches everything.
 */
export class Routes {
  private readonly byLength = new Map<number, TierRoutes>();

  constructor(private readonly rules: readonly Rule[]) {}

  /** The rules that have sent aggregates nowhere, or do so with all of a tier. */
  get noneRules(): NoneRule[] {
    const ofTiers = [...this.byLength.values()].map(({ always, rules }) => always && rules[0]);
    return this.rules.flatMap((rule) => rule.met?.of("ROUTES", rule.text, ofTiers.includes(rule)) ?? []);
  }

  /** The routes for windows of a length, ms. */
  ofLength(lengthMs: number): TierRoutes {
    let routes = this.byLength.get(lengthMs);
    if (routes === undefined) {
      routes = new TierRoutes(this.rules.filter(({ tier }) => (tier?.lengthMs ?? lengthMs) === lengthMs));
      this.byLength.set(lengthMs, routes);
    }
    return routes;
  }
}

/**
 * Compiles the text of `ROUTES`, such as `orders.*=kafka;*@3600=history;*=none`; undefined sends everything
 * to all sinks. Each fault is a sentence of its own.
 *
 * @param tiers Those that there are; undefined: it is not known.
 */
export function compileRoutes(
  text: string | undefined,
  sinkNames: readonly string[],
  tiers: readonly Tier[] | undefined,
): { readonly ok: Routes } | { readonly faults: readonly string[] } {
  if (text === undefined) return { ok: new Routes([rule("*", "*", undefined, sinkNames)]) };
  const parts = text.split(";").map((part) => part.trim()).filter((part) => part !== "");
  const faults: string[] = [];
  const rules = parts.map((part) => parseRule(part, sinkNames, tiers, faults));
  const isCatchAll = ({ pattern, tier }: Rule) => pattern.isCatchAll && tier === undefined;
  if (!rules.some(isCatchAll)) {
    faults.push(
      'the last rule must be a catch-all: end with "*=SINK" (or "*=none" to drop the rest knowingly)',
    );
  }
  const useless = rules.findIndex((later, i) =>
    rules.slice(0, i).some((earlier) =>
      isCatchAll(earlier) || (earlier.pattern.isCatchAll && earlier.tier === later.tier)
    )
  );
  if (useless >= 0) {
    faults.push(`"${parts[useless]}" can never match, since a rule before it matches everything`);
  }
  return faults.length > 0 ? { faults } : { ok: new Routes(rules) };
}

function parseRule(
  text: string,
  sinkNames: readonly string[],
  tiers: readonly Tier[] | undefined,
  faults: string[],
): Rule {
  // A name may contain "=", a sink cannot.
  const separator = text.lastIndexOf("=");
  const subject = text.slice(0, Math.max(0, separator)).trim();
  const { pattern, interval } = partsOf(subject);
  if (pattern === "") {
    faults.push(`"${text}" is not of the form PATTERN=SINK,SINK`);
    return rule(text, "", undefined, []);
  }
  const tier = interval === undefined ? undefined : tierNamed(interval, text, tiers, faults);
  const sinks = text.slice(separator + 1).split(",").map((sink) => sink.trim());
  if (sinks.length === 1 && sinks[0] === NOWHERE) return rule(text, pattern, tier, []);
  for (const sink of sinks) {
    if (sink === NOWHERE) faults.push(`"${text}" names "none" beside a sink`);
    else if (!sinkNames.includes(sink)) {
      faults.push(`"${text}" names "${sink}", which is not in STORAGE_TYPE (${sinkNames.join(", ")})`);
    }
  }
  return rule(text, pattern, tier, [...new Set(sinks)]);
}

/** A name may contain "@" too. Only what looks like an interval behind the last one is an interval. */
function partsOf(subject: string): { readonly pattern: string; readonly interval: string | undefined } {
  const [, pattern = subject, interval] = /^(.*)@(\d[\d.]*[smhd]?(?:\/\d[\d.]*[smhd]?)?)$/s.exec(subject) ??
    [];
  return interval?.split("/").every((part) => typeof durationMs(part) === "number")
    ? { pattern, interval }
    : { pattern: subject, interval: undefined };
}

/** The tier that a rule names. It notes a fault where there is none. */
function tierNamed(
  interval: string,
  text: string,
  tiers: readonly Tier[] | undefined,
  faults: string[],
): Tier | undefined {
  const [length = "", hop = length] = interval.split("/");
  const [lengthMs, hopMs] = [Number(durationMs(length)), Number(durationMs(hop))];
  const found = tiers?.find((tier) => tier.lengthMs === lengthMs && tier.hopMs === hopMs);
  if (found === undefined && tiers !== undefined) {
    faults.push(
      `"${text}" names the interval ${interval}, which is not in AGGREGATION_INTERVAL (${
        tiers.map(tierText).join(", ")
      })`,
    );
  }
  return found ?? { lengthMs, hopMs };
}

function rule(text: string, pattern: string, tier: Tier | undefined, sinks: readonly string[]): Rule {
  const met = sinks.length === 0 ? new MetNames() : undefined;
  return { pattern: namePattern(pattern), tier, sinks, text, met };
}
