import assert from "node:assert/strict";
import { AdminError } from "../../src/api/admin_error.ts";
import { type AdminServer, startAdminServer } from "../../src/api/admin_server.ts";
import type { Inquiries } from "../../src/control/inquiries.ts";
import type { LiveOverview } from "../../src/runtime/overview.ts";
import { metricsPage } from "../../src/api/prometheus.ts";
import { CONTENT_TYPES } from "../../src/api/prometheus_format.ts";
import { controlsWith } from "../support/controls.ts";
import { busOverview, overviewWith, sinkOverview } from "../support/overview.ts";
import { loggerTo } from "../support/logs.ts";

/** Nobody asks for the state here. */
const NO_INQUIRIES = {} as Inquiries;

type Options = Partial<Parameters<typeof startAdminServer>[0] & { look: () => LiveOverview }>;

async function withServer(
  { look = () => overviewWith(), ...options }: Options,
  work: (server: AdminServer, log: readonly string[]) => Promise<void>,
): Promise<void> {
  const log: string[] = [];
  const server = await startAdminServer({
    hostname: "127.0.0.1",
    port: 0,
    allowedHosts: [],
    tokens: { viewer: undefined, admin: undefined },
    tls: undefined,
    surroundings: {
      controls: controlsWith({ look }),
      installation: () => {
        throw new Error("no endpoint of these tests has one");
      },
      inquiries: NO_INQUIRIES,
    },
    logger: loggerTo(log),
    ...options,
  });
  try {
    await work(server, log);
  } finally {
    await server.close();
  }
}

/** Sends bytes unchanged. Returns all bytes that come back. */
async function exchange({ port }: AdminServer, request: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(request));
  return await new Response(connection.readable).text();
}

Deno.test("/healthz, /readyz and /metrics answer, and nobody may cache it", async () => {
  await withServer({}, async ({ url }) => {
    const expected: [path: string, type: string, body: string][] = [
      ["/healthz", "application/json", '{"status":"ok"}\n'],
      ["/readyz?verbose", "application/json", '{"status":"ready","causes":[]}\n'],
      ["/metrics", CONTENT_TYPES.text, metricsPage(overviewWith(), null).text],
    ];
    for (const [path, type, body] of expected) {
      const reply = await fetch(url + path);
      assert.equal(reply.status, 200);
      assert.equal(reply.headers.get("content-type"), type);
      assert.equal(reply.headers.get("cache-control"), "no-store");
      assert.equal(await reply.text(), body);
    }
    const index = await (await fetch(url)).text();
    for (const [path] of expected) assert.ok(index.includes(path.split("?")[0]!), index);
  });
});

Deno.test("/readyz is 503 with every cause by name as long as there are any; /healthz does not mind, and alarms do not count", async () => {
  let given: Partial<LiveOverview> = {
    buses: [
      busOverview("http://bus", { failure: "no connection", isOpen: false }),
      busOverview("http://other", { isOpen: false }),
    ],
    obstacle: { name: "outbox_full", detail: "7 wait" },
    sinks: [
      sinkOverview("kafka", "misconfigured", { error: "login refused" }),
      sinkOverview("sqlite", "starting"),
      sinkOverview("stdout", "delivering"),
    ],
  };
  await withServer({ look: () => overviewWith(given) }, async ({ url }) => {
    const ready = async () => {
      const reply = await fetch(`${url}/readyz`);
      return [reply.status, await reply.json()];
    };
    const causes = [
      { name: "outbox_full", detail: "7 wait" },
      { name: "bus_unavailable", detail: "no connection" },
      { name: "bus_starting", detail: "http://other: not opened yet" },
      { name: "sink_misconfigured", detail: "kafka: login refused" },
      { name: "sink_starting", detail: "sqlite: not opened yet" },
    ];
    assert.deepEqual(await ready(), [503, { status: "not_ready", causes }]);
    const health = await fetch(`${url}/healthz`);
    assert.equal(health.status, 200);
    await health.body?.cancel();
    given = {
      buses: [busOverview("http://bus", { isOpen: false })],
      sinks: [sinkOverview("sqlite", "starting")],
      pauses: [
        { kind: "source", name: "http://bus", who: "ann", sinceMs: 0 },
        { kind: "sink", name: "sqlite", who: "ann", sinceMs: 0 },
      ],
    };
    const paused = (kind: string, name: string) => ({
      name: `${kind}_paused`,
      detail: `${kind} ${name} is paused by ann since 1970-01-01T00:00:00.000Z`,
    });
    assert.deepEqual(await ready(), [503, {
      status: "not_ready",
      causes: [paused("source", "http://bus"), paused("sink", "sqlite")],
    }], "nobody waits for what is paused to be opened");
    given = {};
    assert.deepEqual(await ready(), [200, { status: "ready", causes: [] }]);
    given = { refusalAlarms: [{ reason: "late", detail: "everything goes on", since: 0 }] };
    const alarms = [{ name: "events_refused_late", detail: "everything goes on" }];
    assert.deepEqual(await ready(), [200, { status: "ready", causes: [], alarms }]);
    const waits = { name: "partition_awaited", detail: "t/1 is waited for" } as const;
    const ahead = { name: "clock_ahead", id: "", detail: "oven", series: "oven" } as const;
    given = { notes: [{ ...waits, id: "", series: null }, ahead] };
    const told = [200, { status: "ready", causes: [], notes: [waits] }];
    assert.deepEqual(await ready(), told, "series are not named to everybody");
  });
});

/** An overview with everything wrong that can be; what strangers must not read has this word in it. */
const NAME = "kiln-seven";
const FULL_OF_NAMES: Partial<LiveOverview> = {
  instance: NAME,
  stateFile: NAME,
  isStopping: true,
  obstacle: { name: "state_not_writable", detail: NAME },
  buses: ["a", "b"].map((bus) => busOverview(`http://${NAME}-${bus}`, { failure: `${NAME}: refused` })),
  sinks: [
    ...(["starting", "failing", "broken", "misconfigured"] as const).map((state) =>
      sinkOverview(`${NAME}-${state}`, state, { error: `user ${NAME} may not` })
    ),
  ],
  pauses: [{ kind: "source", name: NAME, who: NAME, sinceMs: 0 }],
  alarms: [{ sink: NAME, kind: "rows_missing", detail: NAME, count: 1, sinceMs: 0 }],
  refusalAlarms: ["future", "late_data"].map((reason) => ({ reason, detail: NAME, since: 0 })),
  notes: (["partition_awaited", "perhaps_renamed"] as const).map((name) => ({
    name,
    id: NAME,
    detail: NAME,
    series: NAME,
  })),
};

Deno.test("no reply without a token names a host, a user, a path or a series; /readyz names its causes", async () => {
  const tokens = { viewer: "viewer-secret-1", admin: undefined };
  await withServer({ look: () => overviewWith(FULL_OF_NAMES), tokens }, async ({ url }) => {
    const headers = { authorization: `Bearer ${tokens.viewer}` };
    const { paths } = await (await fetch(`${url}/api/openapi.json`, { headers })).json();
    const asked = Object.entries<Record<string, unknown>>(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), path] as const)
    );
    assert.ok(asked.length > 20);
    for (const [method, path] of [...asked, ["GET", "/nothing"], ["GET", "/"]] as const) {
      const reply = await fetch(url + path, { method });
      const text = JSON.stringify([...reply.headers]) + await reply.text();
      assert.ok(!text.includes(NAME), `${method} ${path}: ${text}`);
    }
    const strange = await (await fetch(`${url}/readyz`)).json();
    const known = await (await fetch(`${url}/readyz`, { headers })).json();
    const names = (findings: { name: string }[]) => [...new Set(findings.map(({ name }) => name))];
    assert.ok(JSON.stringify(known).split(NAME).length > 10, "a reader gets all of it");
    for (const kind of ["causes", "alarms", "notes"]) {
      assert.deepEqual(names(strange[kind]), names(known[kind]), kind);
      for (const { detail } of strange[kind]) assert.match(detail, /^[a-z][a-z ']+$/);
    }
    assert.deepEqual([strange.status, known.status, known.hint], ["not_ready", "not_ready", undefined]);
    assert.match(strange.hint, /with a token/);
  });
  await withServer({ tokens }, async ({ url }) => {
    assert.deepEqual(await (await fetch(`${url}/readyz`)).json(), { status: "ready", causes: [] });
  });
});

Deno.test("HEAD is GET without the body; other methods and paths are refused", async () => {
  await withServer(
    { look: () => overviewWith({ isStopping: true }) },
    async (server) => {
      const head = await exchange(server, "HEAD /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      assert.match(head, /^HTTP\/1.1 503 /);
      assert.match(head, /\r\n\r\n$/, "no body");
      for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
        const reply = await fetch(`${server.url}/metrics`, { method });
        assert.deepEqual([reply.status, reply.headers.get("allow")], [405, "GET, HEAD"]);
        await reply.body?.cancel();
      }
      for (const path of ["/nothing", "/healthz/", "/Healthz", "//healthz"]) {
        const reply = await fetch(server.url + path);
        assert.equal(reply.status, 404, path);
        await reply.body?.cancel();
      }
    },
  );
});

Deno.test("a name that was not allowed and a page of another site learn nothing but health", async () => {
  await withServer({ allowedHosts: ["handler"] }, async (server, log) => {
    const ask = async (path: string, ...lines: string[]) =>
      Number(
        /^HTTP\/1.1 (\d+)/.exec(
          await exchange(
            server,
            [`GET ${path} HTTP/1.1`, ...lines, "connection: close", "", ""].join("\r\n"),
          ),
        )![1],
      );
    for (const path of ["/metrics", "/", "/nothing"]) {
      assert.equal(await ask(path, "host: evil.example"), 403, path);
      assert.equal(await ask(path, "host: localhost", "origin: http://evil.example"), 403, path);
      assert.equal(await ask(path, "host: localhost", "sec-fetch-site: cross-site"), 403, path);
    }
    for (const path of ["/healthz", "/readyz"]) {
      assert.equal(await ask(path, "host: evil.example"), 200, path);
    }
    for (const host of ["handler:8090", "10.0.0.7:8090", "[fd00::1]", "localhost"]) {
      assert.equal(await ask("/metrics", `host: ${host}`), 200, host);
    }
    assert.equal(log.length, 2);
    assert.match(log[0]!, /HTTP_ALLOWED_HOSTS/);
  });
});

Deno.test("that other hosts reach it is said at the start", async () => {
  await withServer({ hostname: "0.0.0.0" }, (_, log) => {
    assert.match(log.join("\n"), /WARN .*other hosts/);
    return Promise.resolve();
  });
});

Deno.test("a host that is none is no error of ours", async () => {
  await withServer({}, async (server, log) => {
    for (const host of ["a b", "[", ""]) {
      const reply = await exchange(
        server,
        `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      assert.match(reply, /^HTTP\/1.1 (200|400) /, host);
    }
    assert.deepEqual(log, []);
  });
});

Deno.test("a defect in an answer is a 500 and a log line, not the end of the listener", async () => {
  const look = () => {
    throw new Error("a secret detail");
  };
  await withServer({ look }, async ({ url }, log) => {
    const reply = await fetch(`${url}/metrics`);
    assert.equal(reply.status, 500);
    assert.doesNotMatch(await reply.text(), /secret/);
    for (let again = 0; again < 3; again++) await (await fetch(`${url}/metrics`)).body?.cancel();
    assert.equal(log.length, 1, "the others wait for the end of the minute");
    assert.match(
      log[0]!,
      /ERROR.*could not answer a request.*path="\/metrics".*a secret detail.*127\.0\.0\.1/,
    );
    const health = await fetch(`${url}/healthz`);
    assert.equal(health.status, 200);
    await health.body?.cancel();
  });
});

Deno.test("a port that is taken is said with the way out", async () => {
  await withServer({}, async ({ port }) => {
    await assert.rejects(
      () => withServer({ port }, () => Promise.resolve()),
      (error) =>
        error instanceof AdminError && error.message.includes(`127.0.0.1:${port}`) &&
        /HTTP_LISTEN/.test(error.message) && !error.message.includes("\n"),
    );
  });
});

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("an IPv6 address is in brackets in the URL", { ignore: !hasIpv6() }, async () => {
  await withServer({ hostname: "::1" }, async ({ url, port }) => {
    assert.equal(url, `http://[::1]:${port}`);
    const reply = await fetch(`${url}/healthz`);
    assert.equal(reply.status, 200);
    await reply.body?.cancel();
  });
});

Deno.test("a client that does not end its request does not keep the listener from closing", async () => {
  const clients: Deno.TcpConn[] = [];
  await withServer({}, async (server) => {
    for (
      const request of [
        "GET /healthz HTTP/1.1\r\nHo",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1",
      ]
    ) {
      const client = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      clients.push(client);
      await client.write(new TextEncoder().encode(request));
      // An answer, where one is expected, shows that the server has seen the request.
      if (request.startsWith("POST")) await client.read(new Uint8Array(1024));
    }
    await server.close();
  });
  for (const client of clients) client.close();
});
