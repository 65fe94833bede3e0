/** Causes of flaky tests: randomness without a seed, the clock, the speed of the machine, shared ports. */
import assert from "node:assert/strict";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

interface Rule {
  readonly name: string;
  readonly pattern: RegExp;
  /** What to do about it. */
  readonly instead: string;
  /** Files, or directories with a slash, that are allowed, and why. */
  readonly allowed?: Readonly<Record<string, string>>;
}

const RULES: readonly Rule[] = [
  {
    name: "chance without a seed",
    pattern: /\bMath\.random\b|\bgetRandomValues\b/,
    instead: "draw from randomNumbers(seed), with the seed written in the test",
    allowed: { "slow/slow_down.ts": "a hunt, which nothing can repeat exactly" },
  },
  {
    name: "fast-check without a seed",
    pattern: /from "fast-check"/,
    instead: "import fc from tests/support/fast_check.ts",
    allowed: { "support/fast_check.ts": "gives it the seed" },
  },
  {
    name: "a seed made of the time",
    pattern: /\bDate\.now\(\)\s*%|\bseed\b[^\n]*\bDate\.now\b/i,
    instead: "write the seed in the test: testSeed(…)",
    allowed: {
      "chaos/run.ts": "a hunt",
      "fuzz/run.ts": "a hunt",
      "hunt/run.ts": "a hunt",
      "mutants/run.ts": "a hunt",
    },
  },
  {
    name: "a pause",
    pattern: /(?<![.\w])(?:pause|delay)\((?!\))|\bsetTimeout\(\s*(?:resolve|done)\b/,
    instead: "wait for what must come: until(…), an event, a promise",
    allowed: {
      "chaos/": "a fault lasts for a time that is drawn",
      "soak/": "a fault lasts for a time that is drawn",
      "e2e/bus_crash.ts": "the process dies after a time that is drawn",
      "e2e/crash_test.ts": "the power fails after a time that is drawn",
      "e2e/tiers_test.ts": "the power fails after a time that is drawn",
      "e2e/files_test.ts": "the process dies after a time that is drawn, and a pipe is slow",
      "e2e/kafka_crash.ts": "the process dies after a time that is drawn",
      "e2e/signals_test.ts": "a signal comes at each of many moments, whatever is reached by then",
      "fuzz/bus_crowd.ts": "a client that is slow",
      "fuzz/bus_client.ts": "gives others their turn while it waits for either of two events",
      "delivery/delivery_rig.ts": "gives others their turn",
      "slow/slow_down.ts": "is what makes the program slow",
      "support/tcp_proxy.ts": "a wire that is slow",
      "support/executable.ts": "is until(…)",
      "support/server_process.ts": "asks a server again until it answers",
    },
  },
  {
    name: "a limit of time",
    pattern: /\bperformance\.now\b|\bAbortSignal\.timeout\(\d/,
    instead: "wait with PATIENCE_MS, and assert nothing of how long it took",
    allowed: {
      "chaos/": "an even pace, and the time in what is told",
      "soak/": "as long as it is told to, and the time in what is told",
      "fuzz/run.ts": "as long as it is told to",
      "fuzz/hunt.ts": "as long as it is told to",
      "fuzz/scanner.ts": "a thousand times what it takes: finds steps that grow with the square of the input",
      "hunt/properties.ts": "as long as it is told to",
      "hunt/run.ts": "shares out the time that is left",
      "sim/run.ts": "the time in what is told",
      "sim/worker.ts": "as long as it is told to",
      "e2e/signals_test.ts": "measures how long the moments are that signals are spread over",
      "mutants/run.ts": "the time in what is told",
      "sources/listen/inbox_bounds_test.ts": "puts a clock there that stands still",
      "mutants/trial.ts": "asks the quickest tests first",
      "support/executable.ts": "is until(…)",
      "support/server_process.ts": "PATIENCE_MS",
      "support/http_faults.ts": "for a pause that must not be shorter, which no slow machine makes it",
    },
  },
  {
    name: "a patience of its own",
    pattern:
      /\b\w*(?<!ATTEMPT_)TIMEOUT_MS\b|\b[1-9]\d*_000,\s*\[[a-z]|\buntil\([^;]*?,\s*[1-9]\d*_000,?\s*\)/,
    instead: "wait with PATIENCE_MS, which only a defect outlasts",
  },
  {
    name: "the view before",
    pattern: /\.goBack\(|\blocation\.hash = /,
    instead: "go(address) and back() of a page wait until it shows that",
    allowed: {
      "support/browser.ts": "is go(…)",
      "dashboard/browser/played_page.ts": "moves the page's clock, by which it is shown",
    },
  },
  {
    name: "a port of its own choice",
    pattern: /\bport: [1-9]|(?:127\.0\.0\.1|localhost|\[::1\]|0\.0\.0\.0):[1-9]/,
    instead: "listen on port 0, or take freePort()",
    allowed: {
      "settings/": "reads settings, connects to nothing",
      "settings/contradictions_test.ts": "reads settings, connects to nothing",
      "fuzz/configuration.ts": "reads settings, connects to nothing",
      "sinks/postgres/postgres_string_test.ts": "reads settings, connects to nothing",
      "sources/connectors_test.ts": "reads settings, connects to nothing",
      "sources/nats/nats_url_test.ts": "reads URLs, connects to nothing",
      "sources/redis/redis_url_test.ts": "reads URLs, connects to nothing",
      "e2e/tour_test.ts": "takes the ports that docs/tour.md names out of its commands",
      "e2e/documents_test.ts": "takes the port that README.md names out of its commands",
    },
  },
];

const TESTS = dirname(fileURLToPath(import.meta.url));
const THIS_FILE = posix.basename(fileURLToPath(import.meta.url));

function isAllowed({ allowed = {} }: Rule, file: string): boolean {
  return Object.keys(allowed).some((path) => path.endsWith("/") ? file.startsWith(path) : file === path);
}

function withoutComments(source: string): string {
  return source.replace(/^\s*\/\*[\s\S]*?\*\//gm, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** The matches of a rule in a source text without its comments. */
function found(rule: Rule, source: string): string | undefined {
  return rule.pattern.exec(withoutComments(source))?.[0];
}

async function sources(below = ""): Promise<[file: string, source: string][]> {
  const files: [string, string][] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(TESTS, below))) {
    const path = posix.join(below, name);
    if (isDirectory) files.push(...await sources(path));
    else if (name.endsWith(".ts") && path !== THIS_FILE) {
      files.push([path, await Deno.readTextFile(join(TESTS, path))]);
    }
  }
  return files;
}

Deno.test("no test depends on chance, on the clock, on the machine's speed or on a port that others may have", async () => {
  const faults = (await sources()).flatMap(([file, source]) =>
    RULES.filter((rule) => !isAllowed(rule, file)).flatMap((rule) => {
      const what = found(rule, source);
      return what === undefined ? [] : [`tests/${file}: ${what}: ${rule.name}; ${rule.instead}`];
    })
  );
  assert.deepEqual(faults, []);
});

Deno.test("whoever is allowed something needs it", async () => {
  const all = await sources();
  for (const rule of RULES) {
    for (const path of Object.keys(rule.allowed ?? {})) {
      const only = { ...rule, allowed: { [path]: "" } };
      const isNeeded = all.some(([file, source]) =>
        isAllowed(only, file) && found(rule, source) !== undefined
      );
      assert.ok(isNeeded, `tests/${path} need not be allowed ${rule.name}`);
    }
  }
});

Deno.test("each kind is found", () => {
  const examples: [name: string, source: string][] = [
    ["chance without a seed", "items.sort(() => Math.random() - 0.5);"],
    ["fast-check without a seed", 'import fc from "fast-check";'],
    ["a seed made of the time", "const seed = Number(given ?? Date.now());"],
    ["a seed made of the time", "const start = Date.now() % 1000;"],
    ["a pause", "await pause(100);"],
    ["a pause", "await new Promise((resolve) => setTimeout(resolve, 100));"],
    ["a limit of time", "assert.ok(performance.now() - startedMs < 2000);"],
    ["a limit of time", "fetch(url, { signal: AbortSignal.timeout(1000) });"],
    ["a patience of its own", "const TIMEOUT_MS = 60_000;"],
    ["a patience of its own", 'await until(isThere, "the start", 60_000, [handler]);'],
    ["a patience of its own", 'await until(async () => await isThere(), "the start", 60_000);'],
    ["the view before", 'await page.evaluate(`location.hash = "#/"`);'],
    ["the view before", "await page.goBack();"],
    ["a port of its own choice", 'Deno.listen({ hostname: "127.0.0.1", port: 8000 });'],
    ["a port of its own choice", 'fetch("http://localhost:8000/healthz");'],
  ];
  for (const [name, source] of examples) {
    assert.deepEqual(RULES.filter((rule) => found(rule, source) !== undefined).map((rule) => rule.name), [
      name,
    ]);
  }
  const harmless =
    "// Math.random()\nawait server.pause(); Deno.listen({ port: 0 }); const nowMs = Date.now();";
  assert.deepEqual(RULES.filter((rule) => found(rule, harmless) !== undefined), []);
});
