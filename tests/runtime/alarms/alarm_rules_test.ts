import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { runbookOf } from "../../../src/control/runbook.ts";
import { ALARM_RULES } from "../../../src/runtime/alarms/alarm_watch.ts";
import { RecentFigures } from "../../../src/runtime/alarms/recent_figures.ts";
import { figuresOf } from "../../../src/runtime/alarms/alarm_figures.ts";
import { ALARM_CASES, MINUTE, NOW, QUIET } from "./alarm_cases.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
Deno.test("each alarm is raised where it should be, and not where it should not", () => {
  for (const { alarm, before, finding, now } of ALARM_CASES) {
    const overview = { ...QUIET, ...now };
    const history = new RecentFigures(60 * MINUTE);
    if (before !== undefined) {
      const { minutes, ...different } = before;
      history.keep({ ...figuresOf(QUIET), atMs: NOW - minutes * MINUTE, ...different });
    }
    const rule = ALARM_RULES.find(({ name }) => name === alarm)!;
    const found = rule.find(overview, history.before(figuresOf(overview)));
    const told = `${alarm}: ${JSON.stringify(found)}`;
    if (finding === undefined) assert.deepEqual(found, [], told);
    else {
      assert.equal(found.length, 1, told);
      assert.deepEqual(found[0]!.labels, finding.labels, told);
      assert.match(found[0]!.detail, finding.detail, told);
    }
  }
  for (const isRaised of [true, false]) {
    const tried = new Set(
      ALARM_CASES.filter(({ finding }) => (finding !== undefined) === isRaised).map(({ alarm }) => alarm),
    );
    assert.deepEqual([...tried].toSorted(), ALARM_RULES.map(({ name }) => name).toSorted());
  }
});

Deno.test("the alarms are the alerts for Prometheus: name, severity, summary and how long it must hold", async () => {
  const file = parse(await Deno.readTextFile(`${ROOT}/deploy/prometheus/alerts.yaml`));
  const alerts = file.groups[0].rules as {
    alert: string;
    for?: string;
    labels: { severity: string };
    annotations: { summary: string };
  }[];
  const expected = alerts.filter(({ alert }) => alert !== "VabusHandlerDown").map((rule) => ({
    name: rule.alert,
    severity: rule.labels.severity,
    summary: rule.annotations.summary,
    forMs: Number(/^(\d+)m$/.exec(rule.for ?? "0m")![1]) * MINUTE,
  }));
  const own = ALARM_RULES.map(({ forMs, name, severity, summary }) => ({ name, severity, summary, forMs }));
  const byName = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1;
  assert.deepEqual(own.toSorted(byName), expected.toSorted(byName));
});

Deno.test("each alarm has the whole paragraph of the runbook, and nothing of the next one", async () => {
  const runbook = await Deno.readTextFile(`${ROOT}/docs/runbook.md`);
  const flat = (text: string) => text.replaceAll(/\s+/g, " ").trim();
  for (const { name } of ALARM_RULES) {
    const paragraph = runbook.split(`### ${name}\n`)[1]!.split(/^##/m)[0]!;
    const { do: todo, look, means } = runbookOf(name);
    assert.equal(`- **Means**: ${means} - **Look**: ${look} - **Do**: ${todo}`, flat(paragraph));
  }
  assert.throws(() => runbookOf("VabusUnheardOf"), /no paragraph VabusUnheardOf/);
});
