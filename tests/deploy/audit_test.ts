/** The audit of `make check`, with a registry of the test. Skipped where npm is missing. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { PATIENCE_MS } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FAULT = {
  id: 1,
  url: "https://example.com/1",
  title: "spoils the soup",
  severity: "high",
  vulnerable_versions: "<3.0.0",
  cwe: [],
  cvss: { score: 0, vectorString: null },
};

const ignore = !await hasNpm();

Deno.test({
  name: "a known fault of a dependency fails the audit, with its name and where to read of it",
  ignore,
  fn: async () => {
    const { code, text } = await audit((path) => {
      if (path.endsWith("/advisories/bulk")) return Response.json({ kafkajs: [FAULT] });
      return Response.json({
        name: "kafkajs",
        "dist-tags": { latest: "2.2.4" },
        versions: { "2.2.4": { name: "kafkajs", version: "2.2.4" } },
      });
    });
    assert.equal(code, 1, text);
    assert.match(text, /kafkajs .*high.*spoils the soup https:\/\/example\.com\/1/);
  },
});

Deno.test({
  name: "no known faults",
  ignore,
  fn: async () => {
    const { code, text } = await audit(() => Response.json({}));
    assert.equal(code, 0, text);
    assert.match(text, /^known faults: none$/m);
  },
});

for (
  const [name, answer, timeoutMs, word] of [
    [
      "tells no faults",
      () => new Response("", { status: 405 }),
      PATIENCE_MS,
      /not looked up \(the registry answers 405\)/,
    ],
    [
      "never answers",
      () => new Promise<Response>(() => {}),
      4000,
      /not looked up \(no answer from the registry\)/,
    ],
  ] as const
) {
  Deno.test({
    name: `a registry that ${name} is no failure`,
    ignore,
    fn: async () => {
      const { code, text } = await audit(answer, timeoutMs);
      assert.equal(code, 0, text);
      assert.match(text, word);
    },
  });
}

Deno.test({
  name: "for a release, a registry that tells no faults is a failure",
  ignore,
  fn: async () => {
    const { code, text } = await audit(() => new Response("", { status: 405 }), PATIENCE_MS, [
      "--require-answer",
    ]);
    assert.equal(code, 1, text);
    assert.match(text, /not looked up/);
  },
});

Deno.test({
  name: "for a release, a registry that is away is a failure",
  ignore,
  fn: async () => {
    const { code, text } = await audit(() => Response.json({}), PATIENCE_MS, ["--require-answer"], {
      npm_config_registry: `http://127.0.0.1:${freePort()}/`,
    });
    assert.equal(code, 1, text);
    assert.match(text, /not looked up/);
  },
});

async function audit(
  answer: (path: string) => Response | Promise<Response>,
  timeoutMs = PATIENCE_MS,
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: number; text: string }> {
  const stopping = new AbortController();
  const registry = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: stopping.signal, onListen: () => {} },
    async (request) => {
      await request.arrayBuffer();
      return await Promise.race([answer(new URL(request.url).pathname), aborted(stopping.signal)]);
    },
  );
  const cache = await Deno.makeTempDir({ prefix: "vabus-audit-test-" });
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "scripts/audit.ts", "--timeout", `${timeoutMs / 1000}`, ...flags],
      cwd: ROOT,
      env: {
        NO_COLOR: "1",
        npm_config_registry: `http://127.0.0.1:${registry.addr.port}/`,
        npm_config_cache: cache,
        no_proxy: "127.0.0.1",
        ...environment,
      },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
  } finally {
    stopping.abort();
    await registry.finished;
    await Deno.remove(cache, { recursive: true });
  }
}

function aborted(signal: AbortSignal): Promise<Response> {
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(new Response(null, { status: 503 })))
  );
}

async function hasNpm(): Promise<boolean> {
  try {
    return (await new Deno.Command("npm", { args: ["--version"], stdout: "null", stderr: "null" }).output())
      .success;
  } catch {
    return false;
  }
}
