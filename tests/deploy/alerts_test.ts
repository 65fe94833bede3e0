/** The alerts and the dashboard against the metrics that there are, without a running handler. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { METRICS } from "../../src/api/prometheus.ts";
import { hasPrometheus } from "../../scripts/servers.ts";
import { panelQueries } from "../support/dashboard.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROMETHEUS = `${ROOT}/deploy/prometheus`;

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

async function rules(): Promise<Rule[]> {
  return parse(await Deno.readTextFile(`${PROMETHEUS}/alerts.yaml`)).groups[0].rules;
}

async function promtool(...args: string[]): Promise<string> {
  const command = new Deno.Command("promtool", { args, cwd: PROMETHEUS });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.ok(success, text);
  return text;
}

Deno.test({
  name: "promtool finds nothing wrong with the alerts, their tests pass, and the examples are right",
  ignore: !await hasPrometheus(),
  async fn() {
    await promtool("check", "rules", "alerts.yaml");
    await promtool("test", "rules", "alerts.test.yaml");
    await promtool("check", "config", "--syntax-only", "prometheus.yaml");
  },
});

Deno.test("every alert has a test in which it fires and one in which it does not, and a paragraph in the runbook", async () => {
  const tests = parse(await Deno.readTextFile(`${PROMETHEUS}/alerts.test.yaml`)).tests as {
    alert_rule_test: { alertname: string; exp_alerts: unknown[] }[];
  }[];
  const runbook = await Deno.readTextFile(`${ROOT}/docs/runbook.md`);
  const alerts = await rules();
  for (const { alert, annotations } of alerts) {
    const expected = tests.flatMap(({ alert_rule_test: cases }) =>
      cases.filter(({ alertname }) => alertname === alert).map(({ exp_alerts }) => exp_alerts.length)
    );
    assert.deepEqual([...new Set(expected)].toSorted(), [0, 1], alert);
    assert.ok(annotations.runbook_url!.endsWith(`/docs/runbook.md#${alert.toLowerCase()}`), alert);
    const [, paragraph = ""] = new RegExp(`^### ${alert}\n([^#]+)`, "m").exec(runbook) ?? [];
    for (const part of ["Means", "Look", "Do"]) assert.ok(paragraph.includes(`- **${part}**: `), alert);
  }
  const described = [...runbook.matchAll(/^### (.+)$/gm)].map(([, alert]) => alert!);
  assert.deepEqual(described.toSorted(), alerts.map(({ alert }) => alert).toSorted());
});

Deno.test("alerts, dashboard and runbook name only metrics that there are", async () => {
  const known = new Set(
    METRICS.flatMap(({ name, type }) =>
      type === "histogram" ? [name, ...["bucket", "sum", "count"].map((part) => `${name}_${part}`)] : [name]
    ),
  );
  const texts: [origin: string, text: string][] = [
    ...(await rules()).map(({ alert, expr }): [string, string] => [alert, expr]),
    ...(await panelQueries()).map(({ panel, query }): [string, string] => [panel, query]),
    ["the runbook", await Deno.readTextFile(`${ROOT}/docs/runbook.md`)],
  ];
  let found = 0;
  for (const [origin, text] of texts) {
    for (const [name] of text.matchAll(/\b(?:vabus_handler|process)_\w+/g)) {
      assert.ok(known.has(name), `${origin}: ${name}`);
      found++;
    }
  }
  assert.ok(found > 100);
});

Deno.test("the panels of the dashboard have their own places", async () => {
  const { panels } = JSON.parse(await Deno.readTextFile(`${ROOT}/deploy/grafana/vabus-data-handler.json`));
  const taken = new Set<string>();
  for (const { gridPos: { x, y, w, h }, title } of panels) {
    assert.ok(x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        assert.ok(!taken.has(`${column} ${line}`), title);
        taken.add(`${column} ${line}`);
      }
    }
  }
  assert.equal(new Set(panels.map(({ id }: { id: number }) => id)).size, panels.length);
});
