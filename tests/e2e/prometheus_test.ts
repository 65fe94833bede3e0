/** A real Prometheus that writes to the built program. */
import assert from "node:assert/strict";
import { hasPrometheus } from "../../scripts/servers.ts";
import { Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { startPrometheus } from "../support/prometheus_server.ts";
import { handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";
import { assertProven } from "./proof.ts";

/** A target whose counter is the number of scrapes. */
class Target implements AsyncDisposable {
  scrapes = 0;
  private readonly server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    this.scrapes++;
    const page = `# TYPE parts_total counter\nparts_total{line="4"} ${this.scrapes}\n` +
      `# TYPE pressure gauge\npressure 2.5\n` +
      `# TYPE wait summary\nwait{quantile="0.5"} NaN\nwait_sum 0\nwait_count 0\n`;
    return new Response(page, { headers: { "content-type": "text/plain; version=0.0.4" } });
  });

  get address(): string {
    return `127.0.0.1:${this.server.addr.port}`;
  }

  /** Resolves after that many more scrapes. */
  async scraped(more: number): Promise<void> {
    const goal = this.scrapes + more;
    await until(() => Promise.resolve(this.scrapes >= goal), "scrapes");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutdown();
  }
}

/** The samples of the counter that Prometheus has: [Unix ms, value]. */
async function stored(url: string): Promise<[number, number][]> {
  const reply = await fetch(`${url}/api/v1/query?query=${encodeURIComponent("parts_total[1h]")}`);
  const { data: { result } } = await reply.json();
  return result[0].values.map(([time, value]: [number, string]) => [Math.round(time * 1000), Number(value)]);
}

async function metric(url: string, name: string): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  return page.split("\n").filter((line) => line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

Deno.test({
  name: "Prometheus writes through an outage of the handler, and nothing is missing",
  // Not every system has the package.
  ignore: !await hasPrometheus(),
  async fn() {
    await using directory = await temporaryDirectory();
    await using target = new Target();
    const address = `127.0.0.1:${freePort()}`;
    const environment = handlerEnvironment(`listen://${address}`, directory.path, {
      STORAGE_TYPE: "sqlite",
      AGGREGATION_INTERVAL: "1",
      AGG_FUNCTIONS: "pressure=max;*=sum",
    });
    const first = Program.start(["run"], environment);
    const prometheus = await startPrometheus(
      directory.path,
      target.address,
      `http://${address}/api/v1/write`,
    );
    const sent = () => metric(prometheus.url, "prometheus_remote_storage_samples_total");
    try {
      await until(async () => await sent() > 0, "the first samples", undefined, [first]);
      await first.kill9();
      await target.scraped(3);
      const before = await sent();
      await using second = Program.start(["run"], environment);
      await until(async () => await sent() > before, "samples after the outage", undefined, [second]);
      await target.scraped(2);
      const samples = await stored(prometheus.url);
      const failed = await metric(prometheus.url, "prometheus_remote_storage_samples_failed_total");
      const dropped = await metric(prometheus.url, "prometheus_remote_storage_samples_dropped_total");
      assert.deepEqual([failed, dropped], [0, 0], "a summary without observations is no failure");
      await prometheus.stop();
      second.signal("SIGTERM");
      assert.equal(await second.exit, 0);
      const { code, stderr } = await runToEnd(["once", "--flush"], environment);
      assert.equal(code, 0, stderr);
      await assertProven(environment);
      const rows = await sqliteSink(sqlitePath(directory.path)).rows();
      const newest = new Map<number, number>();
      for (const { name, labels, aggFunc, windowStartMs, value } of rows) {
        if (name !== "parts_total") continue;
        const { line, site, job } = JSON.parse(labels!);
        assert.deepEqual([aggFunc, line, site, job], ["last", "4", "north", "plant"]);
        newest.set(windowStartMs, value);
      }
      for (const [timeMs, value] of samples) {
        const found = newest.get(Math.floor(timeMs / 1000) * 1000);
        assert.ok(found !== undefined && found >= value, `the scrape ${value} of ${timeMs} is missing`);
      }
      assert.deepEqual(
        new Set(rows.filter(({ name }) => name === "pressure").map((row) => row.aggFunc)),
        new Set(["max"]),
      );
      assert.deepEqual(rows.filter(({ name }) => name === "wait"), []);
    } finally {
      await prometheus.stop();
      await first[Symbol.asyncDispose]();
    }
  },
});
