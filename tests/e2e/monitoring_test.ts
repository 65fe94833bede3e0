/** The built program under a real Prometheus, with the alerts and the dashboard that are in `deploy`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { hasAlertmanager, hasPrometheus } from "../../scripts/servers.ts";
import { METRICS } from "../../src/api/prometheus.ts";
import { startAlertmanager } from "../support/alertmanager_server.ts";
import { Authority } from "../support/certificates.ts";
import { panelQueries } from "../support/dashboard.ts";
import { Program, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { runPrometheus } from "../support/prometheus_server.ts";
import { Bus, handlerEnvironment } from "./plant.ts";

const ALERTS = new URL("../../deploy/prometheus/alerts.yaml", import.meta.url);

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Takes what Alertmanager sends. */
class Webhook implements AsyncDisposable {
  readonly alerts: Alert[] = [];
  private readonly server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      this.alerts.push(...(await request.json()).alerts);
      return new Response();
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.server.addr.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutdown();
  }
}

/** Publishes a right event and a wrong one. */
function publish(bus: Bus): Promise<void> {
  const event = { name: "boiler", value: 1, timestamp: Date.now() / 1000 };
  return bus.publishBatch(JSON.stringify([event, { ...event, value: "none" }]));
}

/** The alerts as they are delivered, but without the time for which each has to last. */
async function hastyAlerts(directory: string): Promise<string> {
  const path = join(directory, "alerts.yaml");
  await Deno.writeTextFile(path, (await Deno.readTextFile(ALERTS)).replaceAll(/^ +for: .*\n/gm, ""));
  return path;
}

async function ask<T>(url: string, path: string): Promise<T> {
  const { data, error } = await (await fetch(`${url}/api/v1/${path}`)).json();
  assert.equal(error, undefined, path);
  return data;
}

Deno.test({
  name: "a real Prometheus reads every metric, every panel has data, and an alert reaches a webhook",
  // Not every system has the packages.
  ignore: !await hasPrometheus() || !await hasAlertmanager(),
  async fn() {
    await using directory = await temporaryDirectory();
    await using webhook = new Webhook();
    const { caFile } = await Authority.create(directory.path, "plant");
    const bus = await Bus.start();
    const address = `127.0.0.1:${freePort()}`;
    await using handler = Program.start(
      ["run"],
      handlerEnvironment(`${bus.url},listen://127.0.0.1:${freePort()}`, directory.path, {
        STORAGE_TYPE: "sqlite",
        AGGREGATION_INTERVAL: "1",
        ALLOWED_LATENESS: "0",
        HTTP_LISTEN: address,
        METRICS_INTERVAL: "1",
        VABUS_CA_FILE: caFile,
      }),
    );
    const alerts = await hastyAlerts(directory.path);
    const alertmanager = await startAlertmanager(directory.path, webhook.url);
    const prometheus = await runPrometheus(directory.path, () => ({
      global: { scrape_interval: "2s", scrape_timeout: "2s", evaluation_interval: "500ms" },
      rule_files: [alerts],
      alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager.address] }] }] },
      scrape_configs: [{ job_name: "vabus-data-handler", static_configs: [{ targets: [address] }] }],
    }));
    try {
      for (const { panel, query } of await panelQueries()) {
        const hasData = async () => {
          await publish(bus);
          const path = `query?query=${encodeURIComponent(query)}`;
          return (await ask<{ result: unknown[] }>(prometheus.url, path)).result.length > 0;
        };
        await until(hasData, `data for ${panel}: ${query}`, undefined, [handler]);
      }
      await assertReadsOpenMetrics(prometheus.url);
      await assertNames(`http://${address}/metrics`);
      await until(() => areRulesRight(prometheus.url), "the rules to be evaluated", undefined, [handler]);

      await bus[Symbol.asyncDispose]();
      const told = () => webhook.alerts.find(({ labels }) => labels.alertname === "VabusBusUnavailable");
      await until(() => Promise.resolve(told() !== undefined), "the alert", undefined, [handler]);
      const { annotations, labels } = told()!;
      assert.deepEqual([labels.bus, labels.severity], [bus.url, "critical"]);
      assert.equal(annotations.description, `${bus.url} has not been read for five minutes.`);
      assert.match(annotations.runbook_url!, /#vabusbusunavailable$/);
    } finally {
      await Promise.all([prometheus.stop(), alertmanager.stop()]);
      await bus[Symbol.asyncDispose]();
    }
  },
});

/** Only OpenMetrics tells units. */
async function assertReadsOpenMetrics(url: string): Promise<void> {
  const known = await ask<Record<string, { unit: string; type: string }[]>>(url, "metadata");
  assert.deepEqual(known.vabus_handler_state_bytes!.map(({ unit, type }) => [unit, type]), [[
    "bytes",
    "gauge",
  ]]);
  assert.equal(known.vabus_handler_delivery_seconds![0]!.unit, "seconds");
}

/** Whether Prometheus has evaluated each rule. */
async function areRulesRight(url: string): Promise<boolean> {
  const { groups } = await ask<
    { groups: { rules: { health: string; name: string; lastError?: string }[] }[] }
  >(
    url,
    "rules",
  );
  for (const { lastError, name } of groups[0]!.rules) assert.equal(lastError, undefined, name);
  return groups[0]!.rules.every(({ health }) => health === "ok");
}

/** The page has every metric that docs/metrics.md is made of, and no other. */
async function assertNames(url: string): Promise<void> {
  const page = await (await fetch(url)).text();
  const names = [...page.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]);
  assert.deepEqual(names, METRICS.map(({ name, type }) => [name, type]));
}
