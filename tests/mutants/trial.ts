import { cpSync, globSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Mutant } from "./mutant.ts";

/** What the tests need of the tree. */
const COPIED = ["src", "tests", "scripts", "deno.json", "deno.lock"];
const FAST_TESTS = [
  "aggregation",
  "codec",
  "control",
  "delivery",
  "event",
  "ingest",
  "runtime",
  "sinks",
  "sources",
  "state",
]
  .map((part) => `tests/${part}/**/*_test.ts`);
/** These wait for a broker: they are run for mutants of what they test alone. */
const IS_SLOW = /\/kafka_(sink|topic)_test\.ts$/;
const SIMULATION = "tests/sim/run.ts";
/** What a test may take beyond its usual time, so that a busy machine kills no mutant. */
const GRACE_MS = 60_000;
const PATIENCE = 10;

export type Verdict = "killed" | "timed out" | "survived" | "does not compile";

/** A command of Deno that passes where nothing is changed. */
interface Suite {
  readonly args: readonly string[];
  readonly usualMs: number;
}

/** A copy of the tree, in which mutants stand trial one after another. */
export class Court implements Disposable {
  private readonly directory = Deno.makeTempDirSync({ prefix: "vabus-mutants-" });
  private readonly suites = new Map<string, Suite>();
  /** The modules that each test loads. */
  private readonly modules = new Map<string, readonly string[]>();

  constructor(private readonly root: string) {
    // A server of the tests may run under another account.
    Deno.chmodSync(this.directory, 0o755);
    for (const path of COPIED) cpSync(join(root, path), join(this.tree, path), { recursive: true });
    Deno.mkdirSync(this.temporary);
    Deno.chmodSync(this.temporary, 0o1777);
  }

  /** @throws when a test fails of which no mutant is the reason. */
  async try(mutant: Mutant): Promise<Verdict> {
    const suites = await this.suitesFor(mutant.file);
    const path = join(this.tree, mutant.file);
    Deno.writeTextFileSync(path, mutant.text);
    try {
      if (!await this.run(["check", "--quiet", mutant.file])) return "does not compile";
      for (const { args, usualMs } of suites) {
        const passed = await this.run(args, usualMs * PATIENCE + GRACE_MS);
        if (passed !== true) return passed === false ? "killed" : "timed out";
      }
      return "survived";
    } finally {
      Deno.copyFileSync(resolve(this.root, mutant.file), path);
    }
  }

  /** What may notice a mutant of the file, the likeliest and quickest first. */
  private async suitesFor(file: string): Promise<Suite[]> {
    const mirror = file.replace(/^src/, "tests");
    const own = mirror.replace(/\.ts$/, "_test.ts");
    const rank = (test: string) =>
      test === own ? 0 : dirname(test) === dirname(mirror) ? 1 : test === SIMULATION ? 3 : 2;
    const tests = [...globSync(FAST_TESTS, { cwd: this.tree }).sort(), SIMULATION]
      .filter((test) => !IS_SLOW.test(test) || basename(file).startsWith("kafka_"));
    const suites = [];
    for (const test of tests) {
      if (!await this.loads(test, file)) continue;
      const suite = this.suites.get(test) ?? await this.rehearse(test);
      this.suites.set(test, suite);
      suites.push({ ...suite, rank: rank(test) });
    }
    return suites.sort((a, b) => a.rank - b.rank || a.usualMs - b.usualMs);
  }

  /** What a test does not load it cannot notice. */
  private async loads(test: string, file: string): Promise<boolean> {
    let modules = this.modules.get(test);
    if (!modules) {
      const { stdout } = await this.deno(["info", "--json", test], "piped").output();
      const info = JSON.parse(new TextDecoder().decode(stdout)) as { modules: { specifier: string }[] };
      modules = info.modules.map(({ specifier }) => specifier);
      this.modules.set(test, modules);
    }
    return modules.some((module) => module.endsWith(`/${file}`));
  }

  private async rehearse(test: string): Promise<Suite> {
    const args = test === SIMULATION
      ? ["run", test, "--seeds", "60", "--jobs", "1"]
      : ["test", "--quiet", "--fail-fast", test];
    const startedMs = performance.now();
    if (!await this.run(args)) throw new Error(`${test} fails without a mutant`);
    return { args, usualMs: performance.now() - startedMs };
  }

  /** Whether the command succeeds; undefined when it takes too long. */
  private async run([command, ...args]: readonly string[], limitMs?: number): Promise<boolean | undefined> {
    const flags = command === "check" ? [] : ["--allow-all", "--no-check"];
    const child = this.deno([command!, ...flags, ...args]).spawn();
    let isLate = false;
    const timer = limitMs && setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, limitMs);
    const { success } = await child.status;
    clearTimeout(timer);
    return isLate ? undefined : success;
  }

  private deno(args: readonly string[], stdout: "null" | "piped" = "null"): Deno.Command {
    return new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: this.tree,
      env: { TMPDIR: this.temporary },
      stdin: "null",
      stdout,
      stderr: "null",
    });
  }

  private get tree(): string {
    return join(this.directory, "tree");
  }

  private get temporary(): string {
    return join(this.directory, "tmp");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}
