import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { mutantsOf } from "./mutant.ts";
import { fastTests, sourceFiles } from "./scope.ts";
import { Court, type Verdict } from "./trial.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** More than the tests here compute for. */
const CPU_LIMIT_SECONDS = 2;
const SOURCE = `
export function larger(a: number, b: number): number {
  if (a === Infinity) throw new Error("too large");
  if (b === Infinity) throw new Error("too large");
  if (a > b) return a;
  return b;
}
export function untested(a: number): number {
  return a + 1;
}
export function countDown(from: number): number {
  let left = from;
  while (left > 0) left--;
  return left;
}
export const QUERY = \`
  SELECT a FROM b
  WHERE c = 1\`;
export const isText = (value: unknown) => typeof value === "string" && value.length > 1;
`;
const TEST = `
import { countDown, isText, larger, QUERY } from "../../src/part/numbers.ts";
Deno.test("larger", () => {
  if (larger(3, 2) !== 3) throw new Error("not the larger one");
});
Deno.test("countDown", () => void countDown(3));
Deno.test("QUERY", () => {
  if (!QUERY.includes("c = 1")) throw new Error("another query");
});
Deno.test("isText", () => {
  if (!isText("text")) throw new Error("not a text");
});
`;

/** A trial over a small tree of its own. */
class SmallTree implements Disposable {
  readonly court: Court;
  readonly mutants = mutantsOf("src/part/numbers.ts", SOURCE);
  private readonly root = Deno.makeTempDirSync({ prefix: "vabus-court-" });

  constructor(test = TEST) {
    for (
      const [path, text] of [["src/part/numbers.ts", SOURCE], ["tests/part/numbers_test.ts", test]] as const
    ) {
      Deno.mkdirSync(dirname(join(this.root, path)), { recursive: true });
      Deno.writeTextFileSync(join(this.root, path), text);
    }
    this.court = new Court(this.root, new AbortController().signal, CPU_LIMIT_SECONDS);
  }

  /** On the mutant whose line becomes `after`. */
  verdict(after: string): Promise<Verdict> {
    return this.court.try(this.mutants.find((mutant) => mutant.after === after)!);
  }

  [Symbol.dispose](): void {
    this.court[Symbol.dispose]();
    Deno.removeSync(this.root, { recursive: true });
  }
}

Deno.test("a mutant is judged by what the tests do with it", async (t) => {
  using tree = new SmallTree();
  await tree.court.prepare(tree.mutants);
  for (
    const [verdict, after] of [
      ["killed", "if (!(a > b)) return a;"],
      ["killed", 'if (b !== Infinity) throw new Error("too large");'],
      ["killed", "WHERE c != 1`;"],
      ["survived", "if (a >= b) return a;"],
      ["never run", "return a - 1;"],
      [
        "does not compile",
        'export const isText = (value: unknown) => typeof value === "string" || value.length > 1;',
      ],
      ["endless", "while (left > 0) left++;"],
    ] satisfies [Verdict, string][]
  ) {
    await t.step(`${verdict}: ${after}`, async () => assert.equal(await tree.verdict(after), verdict));
  }
  assert.deepEqual(tree.court.unfit, []);
});

Deno.test("a test that fails without a mutant is not asked, and named", async () => {
  using tree = new SmallTree(TEST.replace("!== 3", "!== 2"));
  assert.equal(await tree.verdict("if (!(a > b)) return a;"), "never run");
  assert.deepEqual(tree.court.unfit, ["tests/part/numbers_test.ts"]);
});

Deno.test("every part that is changed is there, and is asked about by tests of its own", () => {
  const tests = fastTests(ROOT).map((test) => test.split("/")[1]);
  for (const file of sourceFiles(ROOT)) assert.ok(tests.includes(file.split("/")[1]), file);
});
