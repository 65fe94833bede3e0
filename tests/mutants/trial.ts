import { cpSync, globSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Mutant } from "./mutant.ts";

/** What the tests need of the tree. */
const COPIED = ["src", "tests", "scripts", "deno.json", "deno.lock"];
/** Directories below tests with the fast tests, in the order of their turn. */
const FAST_TESTS = ["aggregation", "vabus", "store", "ingest", "router", "sinks", "handler"];
/** These wait for a broker: they are run for mutants of what they test alone. */
const IS_SLOW = /\/kafka_(sink|topic)_test\.ts$/;
const SIMULATION = ["run", "tests/sim/run.ts", "--seeds", "60", "--jobs", "1"];
/** What a test may take beyond its usual time, so that a busy machine kills no mutant. */
const GRACE_MS = 60_000;
const PATIENCE = 10;

export type Verdict = "killed" | "timed out" | "survived" | "does not compile";

/** One command of Deno, and how long it takes where nothing is changed. */
interface Suite {
  readonly args: readonly string[];
  readonly usualMs: number;
}

/** A copy of the tree, in which mutants stand trial one after another. */
export class Court implements Disposable {
  private readonly directory = Deno.makeTempDirSync({ prefix: "vabus-mutants-" });
  private readonly suites = new Map<string, Suite>();

  constructor(private readonly root: string) {
    // A server of the tests may run under another account.
    Deno.chmodSync(this.directory, 0o755);
    for (const path of COPIED) cpSync(join(root, path), join(this.tree, path), { recursive: true });
    Deno.mkdirSync(this.temporary);
    Deno.chmodSync(this.temporary, 0o1777);
  }

  /** The commands that may notice a mutant of the file, the likeliest first. */
  private commandsFor(file: string): string[][] {
    const mirror = file.replace(/^src/, "tests");
    const own = mirror.replace(/\.ts$/, "_test.ts");
    const rank = (test: string) => test === own ? 0 : dirname(test) === dirname(mirror) ? 1 : 2;
    const tests = FAST_TESTS.flatMap((part) =>
      globSync(`tests/${part}/**/*_test.ts`, { cwd: this.tree }).sort()
    )
      .filter((test) => !IS_SLOW.test(test) || basename(file).startsWith("kafka_"))
      .sort((a, b) => rank(a) - rank(b));
    return [...tests.map((test) => ["test", "--quiet", "--fail-fast", test]), SIMULATION];
  }

  /** @throws when a test fails of which no mutant is the reason. */
  async try(mutant: Mutant): Promise<Verdict> {
    const suites = [];
    for (const args of this.commandsFor(mutant.file)) suites.push(await this.suite(args));
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

  private async suite(args: readonly string[]): Promise<Suite> {
    const key = args.join(" ");
    let suite = this.suites.get(key);
    if (!suite) {
      const startedMs = performance.now();
      if (!await this.run(args)) throw new Error(`fails without a mutant: deno ${key}`);
      suite = { args, usualMs: performance.now() - startedMs };
      this.suites.set(key, suite);
    }
    return suite;
  }

  /** Whether the command succeeds; undefined when it takes too long. */
  private async run([command, ...args]: readonly string[], limitMs?: number): Promise<boolean | undefined> {
    const child = new Deno.Command(Deno.execPath(), {
      args: command === "check" ? [command, ...args] : [command!, "--allow-all", "--no-check", ...args],
      cwd: this.tree,
      env: { TMPDIR: this.temporary, NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    let isLate = false;
    const timer = limitMs && setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, limitMs);
    const { success } = await child.status;
    clearTimeout(timer);
    return isLate ? undefined : success;
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
