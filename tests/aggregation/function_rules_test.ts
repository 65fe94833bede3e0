import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { compileFunctions, FunctionRules } from "../../src/aggregation/function_rules.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";
import { functionName, UNNAMED } from "../../src/event/agg_function.ts";
import { EventBatch } from "../../src/event/event_batch.ts";

interface Named {
  readonly name: string;
  readonly agg_func?: string;
  readonly default_func?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

function compiled(text: string): FunctionRules {
  const result = compileFunctions(text);
  assert.ok("ok" in result, JSON.stringify(result));
  return result.ok;
}

/** The functions of each event of a batch. */
function resolve(rules: FunctionRules, events: readonly Named[]): string[][] {
  const batch = new EventBatch();
  const whole = events.map((event) => ({ value: 1, timestamp: 1, ...event }));
  const body = JSON.stringify({ log: "L", offset: 0, next: events.length, events: whole });
  scanReply(new TextEncoder().encode(body), batch);
  assert.equal(batch.count, events.length);
  const before = batch.functionId.slice(0, batch.count);
  const answers = rules.resolve(batch);
  assert.deepEqual(batch.functionId.slice(0, batch.count), before, "what an event said stays as it is");
  return Array.from(
    answers.subarray(0, batch.count),
    (answer) => (answer >= 0 ? [answer] : rules.functionsOf(answer)).map(functionName),
  );
}

Deno.test("a name is compared with every character of it, a mark at its beginning too", () => {
  const rules = compiled("load=avg");
  assert.deepEqual(resolve(rules, [{ name: "\ufeffload" }, { name: "load" }]), [["sum"], ["avg"]]);
});

Deno.test("a name that a batch begins with is compared as it is there", () => {
  const batch = new EventBatch();
  batch.reset(new TextEncoder().encode("load"));
  batch.extra.set(new TextEncoder().encode("else"));
  batch.reserve();
  batch.nameLength[0] = 4;
  batch.functionId[0] = UNNAMED;
  batch.count = 1;
  const rules = compiled("load=avg;else=max");
  assert.equal(functionName(rules.resolve(batch)[0]!), "avg");
});

Deno.test("the first rule that matches decides, for events that name no function, and sum where none does", () => {
  const rules = compiled("*.temperature=avg, min,max ; *.energy=last;debug.*=none;x=p50,p50.0");
  const events = [
    { name: "oven.temperature" },
    { name: "oven.temperature", agg_func: "count" },
    { name: "debug.temperature" },
    { name: "debug.energy" },
    { name: "debug.load" },
    { name: "debug.load", agg_func: "sum" },
    { name: "load" },
    { name: "x" },
    { name: "oven.temperature", labels: { line: "1" } },
  ];
  const expected = [
    ["avg", "min", "max"],
    ["count"],
    ["avg", "min", "max"],
    ["last"],
    [],
    ["sum"],
    ["sum"],
    ["p50"],
    ["avg", "min", "max"],
  ];
  for (let round = 0; round < 2; round++) assert.deepEqual(resolve(rules, events), expected);
  assert.deepEqual(resolve(FunctionRules.default, [{ name: "a" }, { name: "a", agg_func: "max" }]), [
    ["sum"],
    ["max"],
  ]);
  assert.deepEqual(resolve(compiled("*=none"), [{ name: "a" }]), [[]]);
  assert.deepEqual(resolve(compiled("*=min,max"), [{ name: "a" }]), [["min", "max"]]);
});

Deno.test("what is usual for an event gives way to a rule that names it, and to any rule for all but sum", () => {
  const events = [
    { name: "a_total", default_func: "last" },
    { name: "a", default_func: "avg" },
    { name: "a", default_func: "avg", agg_func: "max" },
    { name: "a", default_func: "median" },
    { name: "a" },
  ];
  const usual = [["last"], ["avg"], ["max"], ["sum"], ["sum"]];
  for (const rules of [FunctionRules.default, compiled("*=sum"), compiled("x=min;**=sum")]) {
    for (let round = 0; round < 2; round++) assert.deepEqual(resolve(rules, events), usual);
  }
  assert.deepEqual(resolve(compiled("a=sum"), events), [["last"], ["sum"], ["max"], ["sum"], ["sum"]]);
  assert.deepEqual(resolve(compiled("*_total=none;*=min,p9"), events), [
    [],
    ["min", "p9"],
    ["max"],
    ["min", "p9"],
    ["min", "p9"],
  ]);
});

Deno.test("a name may hold an equals sign; a pattern without a star is a whole name", () => {
  const rules = compiled("a=b=max;b=min");
  assert.deepEqual(resolve(rules, [{ name: "a=b" }, { name: "b" }, { name: "bb" }]), [["max"], ["min"], [
    "sum",
  ]]);
});

Deno.test("a rule that drops events knows their names, up to a bound; one for every name knows none", () => {
  const rules = compiled("debug.*=none;tmp=none;*=sum");
  assert.equal(rules.noneRules.length, 0);
  resolve(rules, [{ name: "debug.a" }, { name: "debug.b", labels: { line: "4" } }, { name: "oven" }]);
  resolve(rules, [{ name: "debug.a" }]);
  const [debug, ...others] = rules.noneRules;
  assert.deepEqual(others, []);
  assert.deepEqual(debug, {
    setting: "AGG_FUNCTIONS",
    text: "debug.*=none",
    names: ["debug.a", "debug.b"],
    hasMore: false,
  });
  resolve(rules, Array.from({ length: 1000 }, (_, i) => ({ name: `debug.${i}` })));
  assert.equal(rules.noneRules[0]!.names.length, 200);
  assert.equal(rules.noneRules[0]!.hasMore, true);
  assert.deepEqual(compiled("*=none").noneRules.map(({ names }) => names), [[]]);
});

Deno.test("each fault of the rules is told", () => {
  const faultsOf = (text: string) => {
    const result = compileFunctions(text);
    return "faults" in result ? result.faults.join("\n") : "";
  };
  assert.match(faultsOf(" ; "), /no rule/);
  assert.match(faultsOf("avg"), /"avg" is not of the form PATTERN=FUNCTION/);
  assert.match(faultsOf("=avg"), /"=avg" is not of the form/);
  assert.match(faultsOf("a=median"), /"median", which is no function; there are sum, avg/);
  assert.match(faultsOf("a="), /names "", which is no function/);
  assert.match(faultsOf("a=avg,none"), /names "none" beside a function/);
  assert.match(faultsOf("*=avg;b=max"), /"b=max" can never match/);
  assert.equal(faultsOf("a=avg;*=sum;").length, 0);
  assert.equal(faultsOf("x=median;y=mean").split("\n").length, 2);
});

const name = fc.oneof(
  fc.stringMatching(/^[ab.]{1,5}$/),
  fc.constantFrom("ü.a", "a".repeat(64), "a".repeat(65), `${"b".repeat(300)}.a`, "a.ü"),
);
const functions = fc.subarray(["sum", "avg", "min", "max", "p99.9", "last"], { minLength: 1 });

Deno.test("rules over any names answer what a plain search answers, however often names come again", () => {
  const rule = fc.record({
    pattern: fc.stringMatching(/^[ab.*ü]{1,4}$/),
    functions: fc.oneof(functions, fc.constant([] as string[])),
  });
  const events = fc.array(
    fc.record({ name, labels: fc.constantFrom({}, { a: "1" }, { a: "2", ü: "" }) }),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 1, maxLength: 4 }),
      fc.array(events, { maxLength: 3 }),
      (rules, batches) => {
        const everything = rules.findIndex(({ pattern }) => /^\*+$/.test(pattern));
        const reachable = everything < 0 ? rules : rules.slice(0, everything + 1);
        const text = reachable.map(({ pattern, functions }) => `${pattern}=${functions.join(",") || "none"}`)
          .join(";");
        const product = compiled(text);
        const plain = ({ name }: Named) =>
          reachable.find(({ pattern }) => {
            const expression = pattern.split("*").map((part) => part.replaceAll(".", "\\.")).join(".*");
            return new RegExp(`^${expression}$`, "su").test(name);
          })?.functions ?? ["sum"];
        for (const batch of batches) assert.deepEqual(resolve(product, batch), batch.map(plain));
      },
    ),
    { numRuns: 150, seed: 1501 },
  );
});

Deno.test("more names than are kept are told apart all the same", () => {
  const rules = compiled("*7=max,min;*3=none");
  const events = Array.from({ length: 50_000 }, (_, i) => ({ name: `sensor.${i}` }));
  const expected = events.map(({ name }) =>
    name.endsWith("7") ? ["max", "min"] : name.endsWith("3") ? [] : ["sum"]
  );
  for (let round = 0; round < 3; round++) assert.deepEqual(resolve(rules, events), expected);
});
