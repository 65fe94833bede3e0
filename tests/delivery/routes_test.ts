import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { compileRoutes, type TierRoutes } from "../../src/delivery/routes.ts";

const SINKS = ["kafka", "postgres", "sqlite"];

const MINUTE = { lengthMs: 60_000, hopMs: 60_000 };
const TIERS = [{ lengthMs: 10_000, hopMs: 10_000 }, MINUTE, { lengthMs: 300_000, hopMs: 60_000 }];

function routes(text: string | undefined, lengthMs = MINUTE.lengthMs): TierRoutes {
  const compiled = compileRoutes(text, SINKS, TIERS);
  assert.ok("ok" in compiled, JSON.stringify(compiled));
  return compiled.ok.ofLength(lengthMs);
}

function faults(text: string): readonly string[] {
  const compiled = compileRoutes(text, SINKS, TIERS);
  return "faults" in compiled ? compiled.faults : [];
}

Deno.test("a rule to no sink knows the names that it was asked for; one for a whole tier is known as it is", () => {
  const compiled = compileRoutes("*@10=none;lost.*=none;*@60=none;*=kafka", SINKS, TIERS);
  assert.ok("ok" in compiled);
  const { ok } = compiled;
  assert.equal(ok.noneRules.length, 0);
  for (const { lengthMs } of TIERS) {
    const table = ok.ofLength(lengthMs);
    for (const name of ["lost.b", "lost.a", "oven"]) table.always ?? table.sinksFor(name);
  }
  assert.deepEqual(ok.noneRules.map(({ names, text }) => `${text}: ${names.join(" ")}`), [
    "*@10=none: ",
    "lost.*=none: lost.b lost.a",
    "*@60=none: oven",
  ]);
  assert.ok(ok.noneRules.every(({ setting }) => setting === "ROUTES"));
});

Deno.test("without rules everything goes to all sinks", () => {
  assert.deepEqual(routes(undefined).sinksFor("anything"), SINKS);
});

Deno.test("the first rule that matches decides", () => {
  const table = routes("orders.*=kafka; audit.*=kafka,postgres ;tmp.*=none;*=postgres;");
  assert.deepEqual(table.sinksFor("orders.new"), ["kafka"]);
  assert.deepEqual(table.sinksFor("orders."), ["kafka"]);
  assert.deepEqual(table.sinksFor("audit.login"), ["kafka", "postgres"]);
  assert.deepEqual(table.sinksFor("tmp.x"), []);
  assert.deepEqual(table.sinksFor("orders"), ["postgres"]);
  assert.deepEqual(table.sinksFor("my.orders.x"), ["postgres"]);
});

Deno.test("a pattern may hold =, stars anywhere, and no star", () => {
  const table = routes("a=b=kafka;*.temp.*.raw=sqlite;exact=none;*=postgres");
  assert.deepEqual(table.sinksFor("a=b"), ["kafka"]);
  assert.deepEqual(table.sinksFor("hall.temp.3.raw"), ["sqlite"]);
  assert.deepEqual(table.sinksFor(".temp.raw"), ["postgres"]);
  assert.deepEqual(table.sinksFor("exact"), []);
  assert.deepEqual(table.sinksFor("exactly"), ["postgres"]);
});

Deno.test("a first rule that matches everything says so for all names", () => {
  assert.deepEqual(routes("**=kafka,sqlite").always, ["kafka", "sqlite"]);
  assert.deepEqual(routes("*=none").always, []);
  assert.equal(routes("a=kafka;*=kafka").always, undefined);
});

Deno.test("each fault is named, all at once", () => {
  const found = faults("orders.*=oracle;nonsense;=kafka;x=none,kafka;y=kafka");
  assert.equal(found.length, 5, found.join("\n"));
  for (const word of ["oracle", "nonsense", '"=kafka"', "none", "catch-all"]) {
    assert.ok(found.some((fault) => fault.includes(word)), `${word}: ${found.join("\n")}`);
  }
  assert.match(faults("*=kafka;orders.*=postgres")[0]!, /orders.*never match/);
  assert.match(faults("")[0]!, /catch-all/);
});

Deno.test("property: a pattern matches exactly what the regular expression of it matches", () => {
  const texts = fc.string({ unit: fc.constantFrom("a", "b", "*", "."), maxLength: 8 });
  const names = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 10 });
  fc.assert(
    fc.property(texts.filter((text) => text !== "" && !/^\*+$/.test(text)), names, (pattern, name) => {
      const source = pattern.split("*").map((literal) => literal.replaceAll(".", "\\.")).join(".*");
      const expected = new RegExp(`^${source}$`).test(name) ? ["kafka"] : ["sqlite"];
      assert.deepEqual(routes(`${pattern}=kafka;*=sqlite`).sinksFor(name), expected);
    }),
  );
});

Deno.test("no pattern makes matching slow", () => {
  const table = routes(`${"a*".repeat(200)}b=kafka;*=sqlite`);
  assert.deepEqual(table.sinksFor("a".repeat(512)), ["sqlite"]);
});

Deno.test("a rule may be for the windows of one interval; the first that matches decides", () => {
  const text = "a*@5m/1m=kafka;*@10=sqlite;a=kafka,postgres;mail@home=none;*=postgres";
  const sinksOf = (name: string) =>
    TIERS.map(({ lengthMs }) => routes(text, lengthMs).sinksFor(name).join(","));
  assert.deepEqual(sinksOf("a"), ["sqlite", "kafka,postgres", "kafka"]);
  assert.deepEqual(sinksOf("b"), ["sqlite", "postgres", "postgres"]);
  assert.deepEqual(sinksOf("mail@home"), ["sqlite", "", ""]);
  assert.deepEqual(routes(text, 10_000).always, ["sqlite"]);
  assert.deepEqual(routes(text, 77).sinksFor("b"), ["postgres"], "of a list of before");
});

Deno.test("a rule for an interval that is not listed, or that nothing reaches, is a fault", () => {
  assert.match(faults("*@300=kafka;*=sqlite").join(), /interval 300, which is not in .* \(10, 60, 300\/60\)/);
  assert.match(faults("*@10=kafka;*@60=sqlite").join(), /the last rule must be a catch-all/);
  assert.match(faults("*@10=kafka;a@10=sqlite;*=none").join(), /"a@10=sqlite" can never match/);
  assert.deepEqual(faults("a@10=kafka;*@10=sqlite;b@60=none;*=kafka"), []);
});
