import { cpSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { linesNotRun } from "./coverage.ts";
import { DenoChildren } from "./deno_child.ts";
import { type GraphOfModules, stepsToModules } from "./module_graph.ts";
import type { Mutant } from "./mutant.ts";
import { fastTests, SIMULATION } from "./scope.ts";
import { TypeChecks } from "./type_checks.ts";

/** What the tests need of the tree. */
const COPIED = [
  ...["src", "tests", "scripts", "deno.json", "deno.lock"],
  // Whose alerts, metrics and commands are tested against those that there are.
  ...["deploy", "docs", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"],
];
const IS_CONNECTOR = /^src\/(sinks|sources)\//;
const IS_CONTRACT = /^tests\/contract\/(sink|source)_contract_test\.ts$/;
const SERVER_STARTER = /\/tests\/support\/(kafka_broker|postgres_server)\.ts$/;
/**
 * Only an endless loop computes for so long: the longest test needs a third of it. What counts is the time of
 * the processor, so that a busy machine ends no test.
 */
const CPU_LIMIT_SECONDS = 60;
const SIMULATED_SEEDS = 20;
/** How many imports lead from a test to what is near it. */
const NEAR_STEPS = 2;
/** One process runs several tests, since many need less time than it takes to start. */
const TESTS_TOGETHER = 8;
/** A test that takes longer has a process of its own, so that the limit stays far away. */
const LONG_TEST_MS = 10_000;

export type Verdict = "killed" | "endless" | "survived" | "never run" | "does not compile";

/** What a test did where nothing was changed. */
interface Rehearsal {
  readonly tookMs: number;
  /** By the path of the file that it loads; undefined: it fails, and is asked no more. */
  readonly linesNotRun: ReadonlyMap<string, ReadonlySet<number>> | undefined;
}

interface RankedTest {
  readonly test: string;
  /** The lowest is asked first. */
  readonly rank: number;
}

/** A copy of the tree, in which mutants stand trial one after another. */
export class Court implements Disposable {
  /** Tests that fail without a mutant. */
  readonly unfit: string[] = [];
  private readonly directory = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "vabus-mutants-" }));
  private readonly tree = join(this.directory, "tree");
  private readonly temporary = join(this.directory, "tmp");
  private readonly deno: DenoChildren;
  private readonly types: TypeChecks;
  private readonly tests: readonly string[];
  /** The modules that each test loads, with how many imports lead there. */
  private readonly modules = new Map<string, ReadonlyMap<string, number>>();
  private readonly rehearsals = new Map<string, Rehearsal>();

  /** @param signal Ends a trial; `try` then throws its reason. */
  constructor(root: string, signal: AbortSignal, cpuLimitSeconds = CPU_LIMIT_SECONDS) {
    // A server of the tests may run under another account.
    Deno.chmodSync(this.directory, 0o755);
    for (const path of COPIED.filter((path) => existsSync(join(root, path)))) {
      cpSync(join(root, path), join(this.tree, path), { recursive: true });
    }
    Deno.mkdirSync(this.temporary);
    Deno.chmodSync(this.temporary, 0o1777);
    this.deno = new DenoChildren(this.tree, this.temporary, cpuLimitSeconds, signal);
    this.types = new TypeChecks(this.tree, this.deno);
    this.tests = fastTests(this.tree);
  }

  /** Prepares the trials of several mutants, which then take less time. */
  async prepare(mutants: readonly Mutant[]): Promise<void> {
    await this.types.add(mutants);
  }

  async try(mutant: Mutant): Promise<Verdict> {
    if (!await this.compiles(mutant)) return "does not compile";
    let hasRun = false;
    for await (const tests of this.runsOver(mutant)) {
      hasRun = true;
      const ending = await this.with(mutant, () => this.deno.run(commandOf(tests)));
      if (ending !== "passed") return ending === "failed" ? "killed" : "endless";
    }
    return hasRun ? "survived" : "never run";
  }

  /** The tests that run the line of a mutant, as they are run together. */
  private async *runsOver({ file, line }: Mutant): AsyncGenerator<readonly string[]> {
    let together: RankedTest[] = [];
    for (const asked of await this.testsFor(file)) {
      const { linesNotRun, tookMs } = await this.rehearsed(asked.test);
      const notRun = linesNotRun?.get(join(this.tree, file));
      if (notRun === undefined || notRun.has(line)) continue;
      const isAlone = asked.test === SIMULATION || tookMs > LONG_TEST_MS;
      if (together.length === TESTS_TOGETHER || isAlone || together[0]?.rank !== asked.rank) {
        if (together.length > 0) yield together.map(({ test }) => test);
        together = [];
      }
      if (isAlone) yield [asked.test];
      else together.push(asked);
    }
    if (together.length > 0) yield together.map(({ test }) => test);
  }

  private async with<T>({ file, text }: Mutant, work: () => Promise<T>): Promise<T> {
    const path = join(this.tree, file);
    const original = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, text);
    try {
      return await work();
    } finally {
      Deno.writeTextFileSync(path, original);
    }
  }

  private async compiles(mutant: Mutant): Promise<boolean> {
    if (this.types.has(mutant)) return true;
    return await this.with(mutant, () => this.deno.complaints(["check", "--quiet", mutant.file])) === "";
  }

  /**
   * Those that should notice a mutant of the file, the likeliest and quickest first: the tests of its part,
   * those that are near it by their imports, and the simulation. Tests of another part may notice it as well,
   * but by chance, and there are many. Tests that start servers come last, and only those of its folder and,
   * for a source or sink, those of the contract.
   */
  private async testsFor(file: string): Promise<RankedTest[]> {
    const mirror = file.replace(/^src/, "tests");
    const own = mirror.replace(/\.ts$/, "_test.ts");
    const part = mirror.split("/").slice(0, 2).join("/");
    const ranked = [];
    for (const test of this.tests) {
      const modules = await this.modulesOf(test);
      const steps = modules.get(pathToFileURL(join(this.tree, file)).href);
      const isOfPart = test.startsWith(`${part}/`) || (IS_CONNECTOR.test(file) && IS_CONTRACT.test(test));
      if (steps === undefined || (!isOfPart && steps > NEAR_STEPS && test !== SIMULATION)) continue;
      const isNear = dirname(test) === dirname(mirror);
      const startsServers = [...modules.keys()].some((module) => SERVER_STARTER.test(module));
      if (startsServers && !isNear && !IS_CONTRACT.test(test)) continue;
      const rank = startsServers ? 4 : test === SIMULATION ? 3 : test === own ? 0 : isNear ? 1 : 2;
      ranked.push({ test, rank, tookMs: this.rehearsals.get(test)?.tookMs ?? 0 });
    }
    return ranked.sort((a, b) => a.rank - b.rank || a.tookMs - b.tookMs);
  }

  /** What a test does not load it cannot notice. */
  private async modulesOf(test: string): Promise<ReadonlyMap<string, number>> {
    let modules = this.modules.get(test);
    if (!modules) {
      const info = await this.deno.output(["info", "--json", test]);
      modules = info === undefined ? new Map() : stepsToModules(JSON.parse(info) as GraphOfModules);
      this.modules.set(test, modules);
    }
    return modules;
  }

  /** Once for each test: it must pass without a mutant, and what it does not run it cannot notice. */
  private async rehearsed(test: string): Promise<Rehearsal> {
    let rehearsal = this.rehearsals.get(test);
    if (!rehearsal) {
      const profile = join(this.temporary, "coverage");
      const startedMs = performance.now();
      const ending = await this.deno.run(commandOf([test], `--coverage=${profile}`));
      const tookMs = performance.now() - startedMs;
      if (ending !== "passed") this.unfit.push(test);
      const lcov = await this.deno.output(["coverage", "--lcov", profile]) ?? "";
      rehearsal = { tookMs, linesNotRun: ending === "passed" ? linesNotRun(lcov) : undefined };
      Deno.removeSync(profile, { recursive: true });
      this.rehearsals.set(test, rehearsal);
    }
    return rehearsal;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

function commandOf(tests: readonly string[], ...flags: readonly string[]): string[] {
  return tests.includes(SIMULATION)
    ? ["run", ...flags, SIMULATION, "--seeds", `${SIMULATED_SEEDS}`, "--jobs", "1"]
    : ["test", "--quiet", "--fail-fast", ...flags, ...tests];
}
