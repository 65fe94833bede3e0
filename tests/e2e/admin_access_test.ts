/** The roles of the admin listener on the built program, over TLS with certificates of clients. */
import assert from "node:assert/strict";
import { Authority } from "../support/certificates.ts";
import { Program, runCheck, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { handlerEnvironment } from "./plant.ts";

const HOST = "127.0.0.1";
const [VIEWER, ADMIN] = ["viewer-secret-1", "admin-secret-22"];

Deno.test("roles, sessions and certificates of clients on a listener with TLS", async () => {
  await using directory = await temporaryDirectory();
  const path = (name: string) => `${directory.path}/${name}`;
  const authority = await Authority.create(directory.path, "plant");
  const server = await authority.sign("server", [`IP:${HOST}`]);
  const ann = await authority.sign("ann", []);
  await Deno.writeTextFile(path("viewer.token"), `${VIEWER}\n`, { mode: 0o600 });
  const [port, busPort] = [freePort(), freePort()];
  const environment = handlerEnvironment(`listen://${HOST}:${busPort}`, directory.path, {
    STORAGE_TYPE: "sqlite",
    HTTP_LISTEN: `${HOST}:${port}`,
    HTTP_CERT_FILE: server.certFile,
    HTTP_KEY_FILE: server.keyFile,
    HTTP_CLIENT_CA_FILE: authority.caFile,
    VIEWER_TOKEN_FILE: path("viewer.token"),
    ADMIN_TOKEN: ADMIN,
  });
  await using handler = Program.start(["run"], environment);
  await handler.says(/"started"/);
  const trust = { caCerts: [await Deno.readTextFile(authority.caFile)] };
  using stranger = Deno.createHttpClient(trust);
  using known = Deno.createHttpClient({
    ...trust,
    cert: await Deno.readTextFile(ann.certFile),
    key: await Deno.readTextFile(ann.keyFile),
  });
  const url = `https://${HOST}:${port}`;
  const ask = async (path: string, init: RequestInit & { client: Deno.HttpClient }) => {
    const reply = await fetch(url + path, init);
    return { status: reply.status, text: await reply.text(), headers: reply.headers };
  };
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  assert.equal((await ask("/healthz", { client: stranger })).status, 200);
  const refused = await ask("/metrics", { client: stranger, headers: bearer(ADMIN) });
  assert.deepEqual([refused.status, JSON.parse(refused.text).error.code], [403, "certificate_needed"]);
  assert.equal((await ask("/metrics", { client: known })).status, 401);
  const metrics = await ask("/metrics", { client: known, headers: bearer(VIEWER) });
  assert.equal(metrics.status, 200);
  assert.match(metrics.text, /vabus_handler_build_info/);

  const login = await ask("/api/session", {
    client: known,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: ADMIN }),
  });
  const cookie = login.headers.get("set-cookie")!;
  for (const attribute of ["HttpOnly", "SameSite=Strict", "Secure", "Max-Age=43200"]) {
    assert.ok(cookie.includes(attribute), cookie);
  }
  const session = { cookie: cookie.split(";")[0]! };
  const standing = await ask("/api/session", { client: known, headers: session });
  assert.equal(JSON.parse(standing.text).role, "admin");
  const end = { client: known, method: "DELETE" };
  assert.equal((await ask("/api/session", { ...end, headers: session })).status, 403);
  const ofOwnPage = { ...session, origin: url, "x-vabus-request": "1" };
  assert.equal((await ask("/api/session", { ...end, headers: ofOwnPage })).status, 204);
  assert.equal((await ask("/metrics", { client: known, headers: session })).status, 401);

  const health = await runToEnd(["health"], environment);
  assert.equal(health.code, 0, health.stderr);
  const check = await runCheck(environment);
  assert.match(check.stdout, /admin listener: .* is the running handler's/);
  await until(() => handler.stderr.includes("HTTP_CLIENT_CA_FILE"), "the refusal in the log");
  assert.equal(await handler.stop(), 0);
  for (const text of [handler.stderr, check.stdout, check.stderr]) assert.doesNotMatch(text, /-secret-/);
});

Deno.test("a key that belongs to another certificate is found by check and at the start", async () => {
  await using directory = await temporaryDirectory();
  const authority = await Authority.create(directory.path, "plant");
  const one = await authority.sign("one", [`IP:${HOST}`]);
  const two = await authority.sign("two", [`IP:${HOST}`]);
  const environment = handlerEnvironment(`listen://${HOST}:${freePort()}`, directory.path, {
    STORAGE_TYPE: "sqlite",
    HTTP_LISTEN: `${HOST}:0`,
    HTTP_CERT_FILE: one.certFile,
    HTTP_KEY_FILE: two.keyFile,
  });
  const check = await runCheck(environment);
  assert.equal(check.code, 1);
  assert.match(check.stdout, /FAILED +admin listener: .*HTTP_KEY_FILE/);
  const run = await runToEnd(["run"], environment);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /HTTP_KEY_FILE/);
});
