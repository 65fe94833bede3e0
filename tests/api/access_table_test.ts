import assert from "node:assert/strict";
import * as z from "zod";
import type { Requirement } from "../../src/access/role.ts";
import { AdminGate, OWN_PAGE_HEADER, type RoleTokens } from "../../src/api/admin_gate.ts";
import type { Endpoint } from "../../src/api/endpoint.ts";
import { type ApiSurroundings, endpointsOver } from "../../src/api/endpoints.ts";
import { Router } from "../../src/api/router.ts";
import { sessionEndpoints } from "../../src/api/session_endpoints.ts";
import { SESSION_SECONDS } from "../../src/api/sessions.ts";
import { loggerTo } from "../support/logs.ts";

const TOKENS: RoleTokens = { viewer: "viewer-secret-1", admin: "admin-secret-22" };
const NO_TOKENS: RoleTokens = { viewer: undefined, admin: undefined };
const OWN = "http://localhost";

/** A router over all endpoints of the listener. None of them does anything but to answer 299. */
class Rig {
  readonly log: string[] = [];
  readonly gate: AdminGate;
  readonly endpoints: readonly Endpoint[];
  wallMs = 1_700_000_000_000;
  private readonly router: Router;

  constructor(options: { tokens?: RoleTokens; hostname?: string; asksForCertificates?: boolean } = {}) {
    const { tokens = TOKENS, hostname = "127.0.0.1", asksForCertificates = false } = options;
    this.gate = new AdminGate({
      hostname,
      port: 0,
      tokens,
      hasTls: asksForCertificates,
      asksForCertificates,
      allowedHosts: [hostname, "handler"],
      wallMs: () => this.wallMs,
      pause: () => Promise.resolve(),
      // Each look at the clock allows another guess: how many are allowed is tested elsewhere.
      nowMs: () => this.nowMs += 100_000,
      sleep: () => new Promise(() => {}),
      logger: loggerTo(this.log),
    }, new AbortController().signal);
    this.endpoints = endpointsOver({} as ApiSurroundings, sessionEndpoints(this.gate), AbortSignal.abort())
      .map((endpoint) => {
        const { body: _, ...declared } = endpoint;
        return { ...declared, query: z.unknown(), answer: () => new Response(null, { status: 299 }) };
      });
    this.router = new Router(this.endpoints, this.gate);
  }

  private nowMs = 0;

  async ask(method: string, path: string, { headers = {}, at = OWN, certificate }: Attempt): Promise<number> {
    const request = new Request(at + path, { method, headers });
    const response = await this.router.answer(request, { from: "10.0.0.9", certificate });
    await response.body?.cancel();
    return response.status;
  }

  /** The status for every endpoint; the same for all that ask for the same. */
  async statuses(attempt: Attempt): Promise<Record<string, number>> {
    const found = new Map<string, number>();
    for (const { method, path, role } of this.endpoints) {
      const status = await this.ask(method, path, attempt);
      const column = method === "GET" ? role : `${role} change`;
      assert.equal(
        found.get(column) ?? status,
        status,
        `${method} ${path} is as others that ask for ${role}`,
      );
      found.set(column, status);
    }
    return Object.fromEntries(found);
  }

  /** The header of a session. */
  cookie(role: "viewer" | "admin"): Record<string, string> {
    return { cookie: this.gate.openSession(role).split(";")[0]! };
  }
}

interface Attempt {
  readonly headers?: Record<string, string>;
  /** Scheme and authority that the client uses. */
  readonly at?: string;
  readonly certificate?: string | undefined;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const FOREIGN_PAGE = { origin: "http://evil.example", "sec-fetch-site": "cross-site" };
const OWN_PAGE = { origin: OWN, "sec-fetch-site": "same-origin", [OWN_PAGE_HEADER]: "1" };
const EVIL = "http://evil.example";

const COLUMNS = ["probe", "open", "metrics", "viewer", "admin", "open change", "admin change"] as const;
type Row = readonly [who: string, attempt: (rig: Rig) => Attempt, ...statuses: number[]];

const O = 299;

const WITH_TOKENS: readonly Row[] = [
  //                        probe open metrics viewer admin | changes: open admin
  ["no token", () => ({}), O, O, 401, 401, 401, O, 401],
  ["viewer", () => ({ headers: bearer(TOKENS.viewer!) }), O, O, O, O, 403, O, 403],
  ["admin", () => ({ headers: bearer(TOKENS.admin!) }), O, O, O, O, O, O, O],
  ["wrong token", () => ({ headers: bearer("wrong-secret-1") }), 401, 401, 401, 401, 401, 401, 401],
  ["another scheme", () => ({ headers: { authorization: "Basic eDp5" } }), 401, 401, 401, 401, 401, 401, 401],
  [
    "viewer's session",
    (rig) => ({ headers: { ...rig.cookie("viewer"), ...OWN_PAGE } }),
    O,
    O,
    O,
    O,
    403,
    O,
    403,
  ],
  ["admin's session", (rig) => ({ headers: { ...rig.cookie("admin"), ...OWN_PAGE } }), O, O, O, O, O, O, O],
  ["expired session", expired, O, O, 401, 401, 401, O, 401],
  ["ended session", ended, O, O, 401, 401, 401, O, 401],
  ["forged session", forged, O, O, 401, 401, 401, O, 401],
  ["session, no sign of the page", (rig) => ({ headers: rig.cookie("admin") }), O, O, O, O, O, 403, 403],
  [
    "session, no own header",
    (rig) => ({ headers: { ...rig.cookie("admin"), origin: OWN, "sec-fetch-site": "same-origin" } }),
    ...[O, O, O, O, O, 403, 403],
  ],
  ["foreign Origin", () => ({ headers: FOREIGN_PAGE }), O, 403, 403, 403, 403, 403, 403],
  [
    "foreign Origin, session",
    (rig) => ({ headers: { ...rig.cookie("admin"), ...OWN_PAGE, ...FOREIGN_PAGE } }),
    ...[O, 403, 403, 403, 403, 403, 403],
  ],
  [
    "foreign Origin, admin",
    () => ({ headers: { ...FOREIGN_PAGE, ...bearer(TOKENS.admin!) } }),
    O,
    O,
    O,
    O,
    O,
    O,
    O,
  ],
  ["foreign Origin, wrong token", () => ({ headers: { ...FOREIGN_PAGE, ...bearer("wrong-secret-1") } }), ...[
    401,
    401,
    401,
    401,
    401,
    401,
    401,
  ]],
  ["foreign Host", () => ({ at: EVIL }), O, 403, 403, 403, 403, 403, 403],
  [
    "foreign Host, session",
    (rig) => ({ at: EVIL, headers: rig.cookie("admin") }),
    O,
    403,
    403,
    403,
    403,
    403,
    403,
  ],
  ["foreign Host, viewer", () => ({ at: EVIL, headers: bearer(TOKENS.viewer!) }), O, O, O, O, 403, O, 403],
  ["allowed Host", () => ({ at: "http://handler" }), O, O, 401, 401, 401, O, 401],
];

function expired(rig: Rig): Attempt {
  const headers = { ...rig.cookie("admin"), ...OWN_PAGE };
  rig.wallMs += SESSION_SECONDS * 1000;
  return { headers };
}

function ended(rig: Rig): Attempt {
  const headers = { ...rig.cookie("admin"), ...OWN_PAGE };
  rig.gate.endSession(new Request(OWN, { headers }));
  return { headers };
}

/** A viewer has written another role into the cookie. */
function forged(rig: Rig): Attempt {
  const cookie = rig.cookie("viewer").cookie!.replace("viewer.", "admin.");
  return { headers: { cookie, ...OWN_PAGE } };
}

async function hold(rows: readonly Row[], rig: () => Rig): Promise<void> {
  for (const [who, attempt, ...expectedStatuses] of rows) {
    const own = rig();
    const statuses = await own.statuses(attempt(own));
    const expected = Object.fromEntries(COLUMNS.map((column, i) => [column, expectedStatuses[i]!]));
    for (const [column, status] of Object.entries(statuses)) {
      assert.equal(status, expected[column], `${who}: ${column}`);
    }
    assert.doesNotMatch(own.log.join("\n"), /secret/);
  }
}

Deno.test("with tokens: every endpoint by everybody", async () => {
  await hold(WITH_TOKENS, () => new Rig());
});

Deno.test("without tokens, on loopback: who reaches it reads, and nobody changes", async () => {
  await hold([
    ["nobody", () => ({}), O, O, O, O, 403, O, 403],
    ["a token that nobody has set", () => ({ headers: bearer("some-secret-12") }), O, O, O, O, 403, O, 403],
    ["foreign Origin", () => ({ headers: FOREIGN_PAGE }), O, 403, 403, 403, 403, 403, 403],
    ["foreign Host", () => ({ at: EVIL }), O, 403, 403, 403, 403, 403, 403],
  ], () => new Rig({ tokens: NO_TOKENS }));
});

Deno.test("without tokens, on another address: health and metrics, and nothing else", async () => {
  await hold([
    ["nobody", () => ({ at: "http://10.0.0.5" }), O, 403, O, 403, 403, 403, 403],
    ["foreign Origin", () => ({ headers: FOREIGN_PAGE }), O, 403, 403, 403, 403, 403, 403],
    ["foreign Host", () => ({ at: EVIL }), O, 403, 403, 403, 403, 403, 403],
  ], () => new Rig({ tokens: NO_TOKENS, hostname: "0.0.0.0" }));
});

Deno.test("where client certificates are asked for, only probes go without, and a token is needed too", async () => {
  await hold([
    ["nobody", () => ({}), O, 403, 403, 403, 403, 403, 403],
    ["admin", () => ({ headers: bearer(TOKENS.admin!) }), O, 403, 403, 403, 403, 403, 403],
    ["a certificate", () => ({ certificate: "CN=ann" }), O, O, 401, 401, 401, O, 401],
    ["both", () => ({ certificate: "CN=ann", headers: bearer(TOKENS.admin!) }), O, O, O, O, O, O, O],
  ], () => new Rig({ asksForCertificates: true }));
});

Deno.test("only the admin's token set: nobody reads without it; only the viewer's: nobody changes", async () => {
  await hold([
    ["nobody", () => ({}), O, O, 401, 401, 401, O, 401],
    ["admin", () => ({ headers: bearer(TOKENS.admin!) }), O, O, O, O, O, O, O],
  ], () => new Rig({ tokens: { ...TOKENS, viewer: undefined } }));
  await hold([
    ["viewer", () => ({ headers: bearer(TOKENS.viewer!) }), O, O, O, O, 403, O, 403],
    ["admin", () => ({ headers: bearer(TOKENS.admin!) }), 401, 401, 401, 401, 401, 401, 401],
  ], () => new Rig({ tokens: { ...TOKENS, admin: undefined } }));
});

Deno.test("a probe is answered whoever asks, and who may read is told more", async () => {
  const roles = async (rig: Rig, attempts: Readonly<Record<string, Attempt>>) => {
    const found: [string, string | undefined][] = [];
    for (const [who, { at = OWN, certificate, headers = {} }] of Object.entries(attempts)) {
      const request = new Request(`${at}/readyz`, { headers });
      found.push([who, (await rig.gate.admit(request, "probe", { from: "10.0.0.9", certificate })).role]);
    }
    return Object.fromEntries(found);
  };
  const rig = new Rig();
  const session = { ...rig.cookie("viewer"), ...OWN_PAGE };
  const attempts = {
    nobody: {},
    "a token": { headers: bearer(TOKENS.viewer!) },
    "a session": { headers: session },
    "an ended session": ended(rig),
    "a forged session": forged(rig),
    "a session, foreign Origin": { headers: { ...session, ...FOREIGN_PAGE } },
    "a session, foreign Host": { at: EVIL, headers: session },
    "a token, foreign Host": { at: EVIL, headers: bearer(TOKENS.admin!) },
  };
  const none = Object.fromEntries(Object.keys(attempts).map((who) => [who, undefined]));
  assert.deepEqual(await roles(rig, attempts), {
    ...none,
    "a token": "viewer",
    "a session": "viewer",
    "a token, foreign Host": "admin",
  });
  const strangers = { "foreign Origin": { headers: FOREIGN_PAGE }, "foreign Host": { at: EVIL } };
  const openly = { nobody: {}, ...strangers };
  assert.deepEqual(await roles(new Rig({ tokens: NO_TOKENS }), openly), {
    ...{ nobody: "viewer", "foreign Origin": undefined, "foreign Host": undefined },
  });
  assert.deepEqual(await roles(new Rig({ tokens: NO_TOKENS, hostname: "0.0.0.0" }), { nobody: {} }), {
    nobody: undefined,
  });
  const certificate = "CN=ann";
  const withCertificate = {
    "a token": { headers: bearer(TOKENS.viewer!) },
    "a certificate": { certificate },
    both: { certificate, headers: bearer(TOKENS.viewer!) },
  };
  assert.deepEqual(await roles(new Rig({ asksForCertificates: true }), withCertificate), {
    ...{ "a token": undefined, "a certificate": undefined, both: "viewer" },
  });
});

Deno.test("what is served without a role is on this list, and every change but a login asks for the admin", () => {
  const { endpoints } = new Rig();
  const of = (role: Requirement) =>
    endpoints.filter((endpoint) => endpoint.role === role).map(({ method, path }) => `${method} ${path}`)
      .sort();
  assert.deepEqual(of("probe"), ["GET /healthz", "GET /readyz"]);
  assert.deepEqual(of("metrics"), ["GET /metrics"]);
  assert.deepEqual(
    of("open"),
    [
      "DELETE /api/session",
      "GET /",
      "GET /api/session",
      "GET /assets/icon.svg",
      "GET /assets/page.css",
      "GET /assets/page.js",
      "POST /api/session",
    ],
  );
  for (const { method, path, role } of endpoints) {
    if (method !== "GET" && path !== "/api/session") assert.equal(role, "admin", `${method} ${path}`);
  }
  const names = endpoints.map(({ method, path }) => `${method} ${path}`);
  assert.equal(new Set(names).size, names.length, "each is declared once");
});

Deno.test("the role is checked before path, method, query and body", async () => {
  const rig = new Rig();
  const headers = bearer(TOKENS.viewer!);
  for (const [method, path] of [["GET", "/nothing"], ["PUT", "/metrics"], ["POST", "/nothing"]] as const) {
    assert.equal(await rig.ask(method, path, {}), 401, path);
    assert.equal(await rig.ask(method, path, { headers: bearer("wrong-secret-1") }), 401, path);
    assert.equal(await rig.ask(method, path, { headers }), path === "/nothing" ? 404 : 405, path);
  }
});

Deno.test("refused changes and wrong tokens are logged with the address, a flood of them once", async () => {
  const rig = new Rig();
  const change = rig.endpoints.find(({ role }) => role === "admin");
  for (let i = 0; i < 5; i++) {
    await rig.ask("GET", "/metrics", { headers: bearer("wrong-secret-1") });
    if (change) await rig.ask(change.method, change.path, { headers: bearer(TOKENS.viewer!) });
  }
  assert.equal(rig.log.length, change ? 2 : 1, rig.log.join("\n"));
  for (const line of rig.log) assert.match(line, /10\.0\.0\.9/);
  if (change) assert.match(rig.log[1]!, /a change was refused: .*viewer \(token\)/);
});
