import { FUNCTION_LIST, functionId, SUM, UNNAMED, usualOf } from "../event/agg_function.ts";
import type { EventBatch } from "../event/event_batch.ts";
import { type NamePattern, namePattern } from "../event/name_pattern.ts";
import { MetNames, type NoneRule } from "../event/none_rule.ts";
import { FunctionCache } from "./function_cache.ts";

/** One rule of `AGG_FUNCTIONS`. */
export interface FunctionRule {
  readonly pattern: NamePattern;
  /** Ids, none twice; empty: the event is dropped. */
  readonly functions: readonly number[];
  /** As the operator has written it. */
  readonly text: string;
}

const NOTHING = "none";
/**
 * The answer of `*=sum`, which everybody has who has not thought about it: the function that is usual for an
 * event, else `sum`.
 */
const USUAL = -0x80000000;
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The functions for an event that names none. The first rule that matches its name decides; without a match
 * it is the one that the event says is usual for it, or `sum`.
 *
 * Events come as batches. The answer for an event is a number: the id of its one function, or a number below
 * 0, for which {@link functionsOf} has several functions or none.
 */
export class FunctionRules {
  /** `sum`, whatever the name. */
  static readonly default: FunctionRules = new FunctionRules([], "*=sum");

  /** In their order; the last one matches everything. */
  readonly rules: readonly FunctionRule[];
  /** The answer for each rule. */
  private readonly answers: readonly number[];
  private readonly cache: FunctionCache | undefined;
  /** For each rule that drops events. */
  private readonly met: ReadonlyMap<FunctionRule, MetNames>;
  /** For each event of the last batch. */
  private resolved = new Int32Array();

  /** @param text What the rules were read from. */
  constructor(rules: readonly FunctionRule[], readonly text: string) {
    this.rules = [...rules, { pattern: namePattern("*"), functions: [SUM], text: "*=sum" }];
    this.met = new Map(
      this.rules.filter(({ functions }) => functions.length === 0).map((rule) => [rule, new MetNames()]),
    );
    this.answers = this.rules.map(({ pattern, functions }, rule) =>
      functions.length !== 1 ? ~rule : pattern.isCatchAll && functions[0] === SUM ? USUAL : functions[0]!
    );
    // Where the first rule matches everything, no name has to be looked at.
    this.cache = this.rules[0]!.pattern.isCatchAll ? undefined : new FunctionCache();
  }

  /**
   * The answers for a batch, in the order of its columns; valid until the next batch. The batch is not
   * changed: what an event itself said must stay distinguishable.
   */
  resolve(batch: EventBatch): Int32Array {
    const { count, functionId } = batch;
    if (this.resolved.length < count) this.resolved = new Int32Array(functionId.length);
    const { answers, cache, resolved } = this;
    const only = answers[0]!;
    for (let i = 0; i < count; i++) {
      const named = functionId[i]!;
      if (named >= 0) {
        resolved[i] = named;
        continue;
      }
      const answer = cache === undefined ? only : this.answerFor(batch, i, cache);
      resolved[i] = answer !== USUAL ? answer : named === UNNAMED ? SUM : usualOf(named);
    }
    return resolved;
  }

  /** The functions that an answer below 0 stands for. */
  functionsOf(answer: number): readonly number[] {
    return this.rules[~answer]!.functions;
  }

  /** The rules that have dropped events, or drop all that name no function. */
  get noneRules(): NoneRule[] {
    const isForAll = this.cache === undefined;
    return [...this.met].flatMap(([rule, met]) =>
      met.of("AGG_FUNCTIONS", rule.text, isForAll && rule === this.rules[0]) ?? []
    );
  }

  private answerFor(batch: EventBatch, i: number, cache: FunctionCache): number {
    const start = batch.nameStart[i]!;
    const bytes = start >= 0 ? batch.bytes : batch.extra;
    const at = start >= 0 ? start : ~start;
    const length = batch.nameLength[i]!;
    const hash = batch.nameHash[i]!;
    if (cache.has(bytes, at, length, hash)) return cache.found;
    const key = bytes.subarray(at, at + length);
    const end = key.indexOf(0);
    const name = end < 0 ? key : key.subarray(0, end);
    const text = DECODER.decode(name);
    const rule = this.rules.findIndex(({ pattern }) => pattern.matches(text));
    // A name that is dropped is met here once, before the cache knows it.
    this.met.get(this.rules[rule]!)?.note(text);
    const answer = this.answers[rule]!;
    cache.put(name, hash, answer);
    return answer;
  }
}

/**
 * Compiles the text of `AGG_FUNCTIONS`, such as `*.temperature=avg,min,max;debug.*=none;*=sum`. Each fault is
 * a sentence of its own.
 */
export function compileFunctions(
  text: string,
): { readonly ok: FunctionRules } | { readonly faults: readonly string[] } {
  const parts = text.split(";").map((part) => part.trim()).filter((part) => part !== "");
  const faults: string[] = [];
  if (parts.length === 0) faults.push("there is no rule in it");
  const rules = parts.map((part) => parseRule(part, faults));
  const catchAll = rules.findIndex(({ pattern }) => pattern.isCatchAll);
  if (catchAll >= 0 && catchAll < rules.length - 1) {
    faults.push(`"${parts[catchAll + 1]}" can never match, since the rule before it matches everything`);
  }
  return faults.length > 0 ? { faults } : { ok: new FunctionRules(rules, text) };
}

function parseRule(text: string, faults: string[]): FunctionRule {
  // A name may contain "=", a function cannot.
  const separator = text.lastIndexOf("=");
  const pattern = namePattern(text.slice(0, Math.max(0, separator)).trim());
  if (pattern.text === "") {
    faults.push(`"${text}" is not of the form PATTERN=FUNCTION,FUNCTION`);
    return { pattern, functions: [], text };
  }
  const names = text.slice(separator + 1).split(",").map((name) => name.trim());
  if (names.length === 1 && names[0] === NOTHING) return { pattern, functions: [], text };
  const functions = names.map((name) => {
    const id = functionId(name);
    if (name === NOTHING) faults.push(`"${text}" names "none" beside a function`);
    else if (id < 0) {
      faults.push(`"${text}" names "${name}", which is no function; there are ${FUNCTION_LIST}`);
    }
    return id;
  });
  return { pattern, functions: [...new Set(functions)], text };
}
