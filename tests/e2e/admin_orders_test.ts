/** Orders over the admin listener of the built program: each by role, carried out, and in the audit. */
import assert from "node:assert/strict";
import { type Environment, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment } from "./plant.ts";

const [VIEWER, ADMIN] = ["viewer-secret-1", "admin-secret-22"];

/** The fields of replies that the test looks at. */
interface Said {
  readonly id: number;
  readonly state: string;
  readonly error: string;
  readonly reason: string;
  readonly result: Result;
  readonly causes: readonly { readonly name: string }[];
  readonly paused: readonly { readonly kind: string }[];
  readonly jobs: readonly Said[];
  readonly orders: readonly {
    readonly who: string;
    readonly action: string;
    readonly detail: string;
    readonly result: string;
  }[];
}

interface Result {
  readonly proven: boolean;
  readonly verdict: string;
  readonly rows_sent: number;
  readonly proof: { readonly proven: boolean };
}

/** A client of the admin listener. */
class Client {
  constructor(private readonly url: string) {}

  async ask(
    method: string,
    path: string,
    body?: unknown,
    token = ADMIN,
  ): Promise<{ status: number; said: Said }> {
    const reply = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: reply.status, said: await reply.json() };
  }

  async order(path: string, body: unknown = {}): Promise<Said> {
    const { status, said } = await this.ask("POST", path, body);
    assert.ok(status === 200 || status === 202, `${path}: ${status} ${JSON.stringify(said)}`);
    return said;
  }

  async causes(): Promise<string[]> {
    const { said } = await this.ask("GET", "/readyz");
    return said.causes.map(({ name }) => name);
  }

  /** The result of a job at its end. */
  async result(id: number): Promise<Result> {
    const job = await until(async () => {
      const { said } = await this.ask("GET", "/api/jobs", undefined, VIEWER);
      return said.jobs.find((job) => job.id === id && job.state !== "running");
    }, `the end of job ${id}`);
    assert.equal(job.state, "done", job.error);
    return job.result;
  }
}

async function counts(environment: Environment): Promise<{ received: number; waiting: number }> {
  const { stdout } = await runToEnd(["status", "--json"], environment);
  const { accounting, outbox } = JSON.parse(stdout);
  return { received: accounting.received, waiting: outbox.sinks[0].waiting };
}

Deno.test("what is paused stays so over a restart, loses nothing, and every order is in the audit", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const port = freePort();
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "sqlite",
    HTTP_LISTEN: `127.0.0.1:${port}`,
    ADMIN_TOKEN: ADMIN,
    VIEWER_TOKEN: VIEWER,
    MAX_WAIT: "0",
  });
  const client = new Client(`http://127.0.0.1:${port}`);
  const at = Math.floor(Date.now() / 1000) - 1800;
  const event = (more: string) => `{"name":"press","timestamp":${at}${more}}`;

  const first = Program.start(["run"], environment);
  await using _first = first;
  await first.says(/"started"/);
  assert.deepEqual((await client.ask("POST", "/api/pause", { kind: "sink", name: "tape" })).status, 422);
  await client.order("/api/pause", { kind: "sink", name: "sqlite" });
  const { paused } = await client.order("/api/pause", { kind: "source", name: bus.url });
  assert.deepEqual(paused.map(({ kind }) => kind), ["sink", "source"]);
  assert.deepEqual((await client.causes()).sort(), ["sink_paused", "source_paused"]);
  await bus.publish([event(`,"value":1`), event("")]);
  assert.equal(await first.stop(), 0);

  await using second = Program.start(["run"], environment);
  await second.says(/"started"/);
  assert.deepEqual((await client.causes()).sort(), ["sink_paused", "source_paused"]);
  const { stdout } = await runToEnd(["status"], environment);
  assert.match(stdout, /PAUSED +sink sqlite is paused by admin \(token\) from 127\.0\.0\.1 since /);
  assert.equal((await counts(environment)).received, 0, "the bus keeps what is not read");
  await client.order("/api/resume", { kind: "source", name: bus.url });
  await until(async () => (await counts(environment)).received === 2, "the events to be read", undefined, [
    second,
  ]);
  await client.order("/api/flush");
  assert.equal((await counts(environment)).waiting, 1, "the outbox keeps what is not delivered");
  await client.order("/api/resume", { kind: "sink", name: "sqlite" });
  await until(async () => (await counts(environment)).waiting === 0, "the delivery", undefined, [second]);

  const { proven, verdict } = await client.result((await client.order("/api/verify")).id);
  assert.equal(proven, true);
  assert.equal(verdict, "PROVEN: no event is lost, none is counted twice");
  const again = await client.result(
    (await client.order("/api/redeliver", { sink: "sqlite", since: at - 60 })).id,
  );
  assert.deepEqual([again.rows_sent, again.proof.proven], [1, true]);
  // An order that is wrong by itself is refused at once: no job is begun for it.
  const wrongOrders: [string, unknown, RegExp][] = [
    ["/api/redeliver", { sink: "tape", since: 0 }, /^"sink" tape: there is no such sink/],
    ["/api/redeliver", { sink: "sqlite", since: 20, until: 10 }, /^"until" .* is not after "since" /],
    ["/api/redeliver", { sink: "sqlite", since: 10, until: 10 }, /^"until" .* is not after "since" /],
    ["/api/verify", { scan: ["tape"] }, /^"scan": tape is not in STORAGE_TYPE/],
    ["/api/verify", { scan: ["kafka"] }, /^"scan": kafka is not in STORAGE_TYPE/],
  ];
  for (const [path, order, words] of wrongOrders) {
    const { status, said } = await client.ask("POST", path, order);
    assert.equal(status, 422, JSON.stringify(order));
    const { message } = said.error as unknown as { message: string };
    assert.match(message, words);
    assert.doesNotMatch(message, /--/, "the caller has given no flags");
  }
  // A span in milliseconds has no window, and so is neither sent nor proven.
  for (const [path, order] of [["/api/redeliver", { sink: "sqlite" }], ["/api/verify", {}]] as const) {
    const { status, said } = await client.ask("POST", path, { ...order, since: at * 1000 });
    assert.equal(status, 409, path);
    assert.match(JSON.stringify(said), /the state has no window that starts from /);
  }
  const exported = await client.ask("GET", "/api/dead-letters/export");
  assert.equal(exported.said.reason, "invalid");
  assert.deepEqual(await client.order("/api/dead-letters/retry", { ids: [1] }), { chosen: 1 });
  assert.deepEqual(await client.ask("POST", "/api/reload"), {
    status: 200,
    said: { changed: [], changed_at_next_start: [] },
  });
  for (const path of ["/api/flush", "/api/reload", "/api/verify"]) {
    assert.equal((await client.ask("POST", path, {}, VIEWER)).status, 403, path);
  }

  const { said } = await client.ask("GET", "/api/audit", undefined, VIEWER);
  const orders = said.orders.map(({ action, detail }) => `${action} ${detail}`);
  assert.deepEqual(orders, [
    "reload the settings",
    "dead-letters retry 1 dead letter (1 dead letter by number)",
    "dead-letters export all",
    `redeliver --sink sqlite --since ${new Date((at - 60) * 1000).toISOString()}`,
    "verify everything",
    "resume sink sqlite",
    "flush all open windows",
    `resume source ${bus.url}`,
    `pause source ${bus.url}`,
    "pause sink sqlite",
  ]);
  const proof = said.orders.find(({ action }) => action === "verify")!;
  assert.equal(proof.result, verdict, "the audit keeps what was proven over a restart");
  for (const { who } of said.orders) assert.equal(who, "admin (token) from 127.0.0.1");
  assert.equal(await second.stop(), 0);
  for (const { stderr } of [first, second]) assert.doesNotMatch(stderr, /-secret-/);
});
