/** Questions to the API of a running handler: each reply is as the schema of its endpoint says. */
import assert from "node:assert/strict";
import { endpointsOver } from "../../src/api/endpoints.ts";
import { STREAM_EVENTS } from "../../src/api/stream_endpoint.ts";
import { Inquiries } from "../../src/control/inquiries.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { controlsWith } from "../support/controls.ts";
import { Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment } from "./plant.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

/** The endpoints of the program: only their declarations are used here. */
const ENDPOINTS = endpointsOver(
  {
    controls: controlsWith(),
    installation: () => assert.fail("nothing is asked here"),
    inquiries: new Inquiries(
      () => ({ config: { stateDir: "" }, registry: REGISTRY, logger: undefined }) as never,
      () => 0,
    ),
  },
  [],
  AbortSignal.abort(),
);

/** A running handler with two tiers, some of whose windows have closed, and one dead letter. */
class Site implements AsyncDisposable {
  private constructor(
    readonly api: string,
    readonly bus: Bus,
    readonly handler: Program,
    readonly environment: Record<string, string>,
    readonly baseSeconds: number,
    private readonly directory: AsyncDisposable,
  ) {}

  static async start(): Promise<Site> {
    const directory = await temporaryDirectory();
    const bus = await Bus.start();
    const address = `127.0.0.1:${freePort()}`;
    const environment = {
      ...handlerEnvironment(bus.url, directory.path, {
        STORAGE_TYPE: "sqlite",
        HTTP_LISTEN: address,
        AGGREGATION_INTERVAL: "1,60",
        CHECKPOINT_INTERVAL: "0.1",
      }),
    };
    const baseSeconds = Math.floor(Date.now() / 60_000) * 60 - 600;
    const handler = Program.start(["run"], environment);
    const site = new Site(`http://${address}`, bus, handler, environment, baseSeconds, directory);
    await bus.publish([
      site.event("oven.temperature", 0, 180, { line: "4" }),
      site.event("oven.temperature", 1, 181, { line: "5" }),
      site.event("oven.door", 2, 1),
      `{"name":"oven.door","value":"open","timestamp":${baseSeconds}}`,
    ]);
    await until(
      async () => {
        const { accounting: { received, contributed, closed }, outbox } = await site.get("/api/status");
        return received === 4 && closed === contributed && outbox.rows === 0;
      },
      "closed windows, and their delivery",
      undefined,
      [handler],
    );
    return site;
  }

  event(name: string, second: number, value: number, labels: Record<string, string> = {}): string {
    return JSON.stringify({ name, value, timestamp: this.baseSeconds + second, labels });
  }

  /** The reply to a query, which the schema of its endpoint must describe. */
  async get(query: string): Promise<Json> {
    const reply = await fetch(this.api + query);
    const text = await reply.text();
    assert.equal(reply.status, 200, `${query}: ${text}`);
    const path = query.split("?")[0];
    const { reply: schema } = ENDPOINTS.find((endpoint) => endpoint.path === path)!;
    const { success, error } = schema.safeParse(JSON.parse(text));
    assert.ok(success, `${query}: ${error}`);
    return JSON.parse(text);
  }

  /** The message of a request that is refused. */
  async refusal(query: string, status = 400): Promise<string> {
    const reply = await fetch(this.api + query);
    const { error: { code, message } } = await reply.json();
    assert.equal(reply.status, status, message);
    assert.match(code, /^[a-z_]+$/);
    return message;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handler[Symbol.asyncDispose]();
    await this.bus[Symbol.asyncDispose]();
    await this.directory[Symbol.asyncDispose]();
  }
}

Deno.test("the API answers what the command line says, and each reply is as its schema says", async (t) => {
  await using site = await Site.start();
  const { baseSeconds: base } = site;

  await t.step("/api/status is status --json", async () => {
    const { stdout } = await runToEnd(["status", "--json"], site.environment);
    const [api, command] = [await site.get("/api/status"), JSON.parse(stdout)];
    for (const status of [api, command]) {
      for (const key of ["state_bytes", "checkpoint_at"]) delete status[key];
    }
    assert.deepEqual(api, command);
  });

  await t.step("/api/series finds by name, labels and tier", async () => {
    const names = async (query: string) =>
      (await site.get(`/api/series?${query}`)).series.map(({ name, labels }: Json) =>
        `${name} ${labels?.line}`
      );
    assert.deepEqual(await names(""), ["oven.door undefined", "oven.temperature 4", "oven.temperature 5"]);
    assert.deepEqual(await names("q=TEMP&labels=line:5"), ["oven.temperature 5"]);
    assert.deepEqual(await names(`labels=${encodeURIComponent('{"line":"4"}')}&tier=1m`), [
      "oven.temperature 4",
    ]);
    const { series: [door], next } = await site.get("/api/series?limit=1");
    assert.deepEqual(door.tiers.map(({ window_seconds: seconds, newest }: Json) => [seconds, newest.value]), [
      [1, 1],
      [60, 1],
    ]);
    assert.deepEqual(await names(`cursor=${next}`), ["oven.temperature 4", "oven.temperature 5"]);
  });

  await t.step(
    "/api/aggregates: times in seconds, milliseconds and ISO 8601; pages; corrections",
    async () => {
      const iso = (seconds: number) => new Date(seconds * 1000).toISOString();
      for (const from of [base, base * 1000, iso(base)]) {
        const query = `/api/aggregates?name=oven.temperature&from=${from}&to=${base + 60}&tier=1&func=sum`;
        const { aggregates, parts, next } = await site.get(query);
        assert.deepEqual(aggregates.map(({ value, window_start: start }: Json) => [start, value]), [
          [base, 180],
          [base + 1, 181],
        ]);
        assert.deepEqual(parts, [{ from: base, to: base + 60, answered_by: "archive", lack: null }]);
        assert.equal(next, null);
      }
      const query = `/api/aggregates?name=oven.temperature&from=${base}&limit=1`;
      const values: number[] = [];
      for (let next: string | null = ""; next !== null;) {
        const page: Json = await site.get(`${query}${next && `&cursor=${next}`}`);
        values.push(...page.aggregates.map(({ value }: Json) => value));
        next = page.next;
      }
      assert.deepEqual(values, [180, 180, 181, 181]);
      await site.bus.publish([site.event("oven.temperature", 0.5, 20, { line: "4" })]);
      const line = `/api/aggregates?name=oven.temperature&labels=line:4&tier=1&from=${base}`;
      const corrected = await until(
        async () => (await site.get(line)).aggregates.find(({ revision }: Json) => revision === 1),
        "the correction",
        undefined,
        [site.handler],
      );
      assert.deepEqual([corrected.value, corrected.count, corrected.labels], [200, 2, { line: "4" }]);
      const all = await site.get(`${line}&revisions=all`);
      assert.deepEqual(all.aggregates.map(({ value, revision }: Json) => [value, revision]), [[180, 0], [
        200,
        1,
      ]]);
      assert.deepEqual((await site.get(`/api/aggregates?name=nobody&from=${base}`)).aggregates, []);
    },
  );

  await t.step("/api/windows: by tier, with corrections and the sinks that wait", async () => {
    const { tiers } = await until(
      async () => {
        const windows = await site.get("/api/windows");
        const closed = windows.tiers.flatMap((tier: Json) => tier.closed);
        return closed.every((window: Json) => window.waiting_for.length === 0) && windows;
      },
      "all windows in the sink",
      undefined,
      [site.handler],
    );
    const told = tiers.map(({ window_seconds: seconds, open, closed }: Json) => [
      seconds,
      open,
      closed.map((window: Json) => [window.window_start - base, window.aggregates, window.corrections]),
    ]);
    assert.deepEqual(told, [[1, [], [[2, 1, 0], [1, 1, 0], [0, 1, 1]]], [60, [], [[0, 3, 1]]]]);
    const { tiers: [second, ...others] } = await site.get("/api/windows?tier=1&limit=2");
    assert.deepEqual([second.closed.length, others.length], [2, 0]);
  });

  await t.step("/api/dead-letters: by reason with an example, and a list", async () => {
    const { groups, dead_letters: [one, ...others], next } = await site.get("/api/dead-letters?raw=20");
    assert.deepEqual([others, next], [[], null]);
    assert.deepEqual(groups, [{ reason: "invalid", count: 1, example: one }]);
    assert.deepEqual([one.raw, one.cut], ['{"name":"oven.door",', true]);
    assert.deepEqual((await site.get("/api/dead-letters?reason=late")).dead_letters, []);
    const { stdout } = await runToEnd(["dead-letters", "list", "--json"], site.environment);
    assert.deepEqual((await site.get("/api/dead-letters?raw=65536")).dead_letters, JSON.parse(stdout));
  });

  await t.step("what is wrong is named, with what is allowed", async () => {
    assert.match(await site.refusal("/api/series?bogus=1"), /no parameter "bogus".*q, labels, tier/);
    assert.match(await site.refusal("/api/aggregates"), /"name": is missing/);
    assert.match(await site.refusal("/api/aggregates?name="), /"name": is empty/);
    assert.match(await site.refusal("/api/aggregates?name=a&limit=0"), /"limit": .*from 1 to 10000/);
    assert.match(await site.refusal("/api/aggregates?name=a&func=mean"), /"func": .*stddev and p0 to p100/);
    assert.match(await site.refusal("/api/aggregates?name=a&from=yesterday"), /"from": .*2026-01-31T06:00Z/);
    assert.match(await site.refusal("/api/aggregates?name=a&from=2026-02-30"), /"from": is not understood/);
    assert.match(await site.refusal("/api/aggregates?name=a&from=20&to=10"), /"from": is not before "to"/);
    assert.match(await site.refusal("/api/aggregates?name=a&tier=fast"), /"tier": .*60, 1m, 1h/);
    for (const path of ["aggregates?name=a&", "series?", "windows?"]) {
      const refusal = await site.refusal(`/api/${path}tier=99`);
      assert.match(refusal, /"tier": there are no windows of 99 s\. There are, in seconds: 1, /);
    }
    assert.match(await site.refusal("/api/aggregates?name=a&labels=line"), /"labels": .*key:value/);
    assert.match(await site.refusal("/api/aggregates?name=a&cursor=abc"), /"cursor": is no cursor/);
    assert.match(await site.refusal("/api/aggregates?name=a&name=b"), /"name" is there twice/);
    assert.match(await site.refusal("/api/dead-letters?reason=lost"), /"reason": .*overflow/);
  });

  await t.step("/api/stream tells status, readiness and windows, and an id to go on from", async () => {
    const until = async (headers: HeadersInit, isLast: (event: string, data: Json) => boolean) => {
      const reply = await fetch(`${site.api}/api/stream`, { headers });
      assert.equal(reply.headers.get("content-type"), "text/event-stream");
      let text = "";
      for await (const piece of reply.body!.pipeThrough(new TextDecoderStream())) {
        text += piece;
        for (; text.includes("\n\n"); text = text.slice(text.indexOf("\n\n") + 2)) {
          const event = /^event: (\w+)$/m.exec(text.slice(0, text.indexOf("\n\n")))?.[1];
          if (event === undefined) continue;
          const data = JSON.parse(/^data: (.*)$/m.exec(text)![1]!);
          const { success, error } = STREAM_EVENTS[event as keyof typeof STREAM_EVENTS].safeParse(data);
          assert.ok(success, `${event}: ${error}`);
          if (isLast(event, data)) return /^id: (.*)$/m.exec(text)?.[1];
        }
      }
      return assert.fail("the stream has ended");
    };
    await until({}, (event) => event === "readiness");
    const id = `${(await site.get("/api/status")).state_id}:0`;
    const last = await until(
      { "last-event-id": id },
      (event, { aggregates }) => event === "window" && aggregates > 0,
    );
    assert.match(last!, /^[-0-9a-f]{36}:\d+$/);
  });

  await t.step("/api/pipeline tells the parts, and what they have done", async () => {
    const { causes, sources: [source], sinks: [sink], windows, received_total: received } = await site.get(
      "/api/pipeline",
    );
    assert.deepEqual([causes, source.state, sink.state], [[], "reading", "delivering"]);
    assert.deepEqual([source.received_total, sink.waiting], [received, 0]);
    assert.deepEqual(windows.map(({ window_seconds: seconds }: Json) => seconds), [1, 60]);
  });

  await t.step("/api/openapi.json has every endpoint", async () => {
    const { paths } = await site.get("/api/openapi.json");
    assert.ok(
      ENDPOINTS.every(({ path, method, role }) =>
        !path.startsWith("/api") && role === "open" || path in paths && method.toLowerCase() in paths[path]
      ),
    );
  });

  await t.step("/api/alarms tells of an outage at once, with what to do", async () => {
    await site.bus[Symbol.asyncDispose]();
    const unavailable = async () =>
      (await site.get("/api/alarms")).alarms.find(({ name }: Json) => name === "VabusBusUnavailable");
    await until(async () => await unavailable() !== undefined, "the outage", undefined, [site.handler]);
    const { detail, fires_at: firesAt, labels, runbook, since, state } = await unavailable();
    assert.deepEqual([state, firesAt - since, Object.keys(labels)], ["pending", 300, ["bus"]]);
    assert.ok(detail.includes(labels.bus), detail);
    assert.match(runbook.do, /^Mend the bus, the network or the login\./);
  });

  await t.step("a stream does not keep the handler from stopping", async () => {
    const { body } = await fetch(`${site.api}/api/stream`);
    site.handler.signal("SIGTERM");
    assert.equal(await site.handler.ended(), 0);
    await body!.pipeTo(new WritableStream()).catch(() => {});
    assert.doesNotMatch(site.handler.stderr, /legacy|"level":"error"/);
  });

  await t.step("/api/history has the figures of before a restart", async () => {
    await using handler = Program.start(["run"], site.environment);
    await handler.says(/"started"/);
    for (const [span, step] of [["hour", 10], ["day", 300]] as const) {
      const history = await site.get(`/api/history?span=${span}`);
      const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
      assert.deepEqual([history.span, history.step_seconds], [span, step]);
      assert.deepEqual([sum(history.events.received), sum(history.events.invalid)], [5, 1]);
      assert.deepEqual(history.sources.map(({ received }: Json) => sum(received)), [5]);
      assert.deepEqual(history.sinks.map(({ name, delivered }: Json) => [name, sum(delivered)]), [[
        "sqlite",
        8,
      ]]);
      // The next step may have ended meanwhile.
      const last = history.times.at(-1);
      assert.equal((await site.get(`/api/history?span=${span}&from=${last}`)).times[0], last);
    }
    assert.equal(await handler.stop(), 0);
  });
});
