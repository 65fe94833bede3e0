import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { runbookOf } from "../../../src/control/runbook.ts";
import { ALARM_RULES } from "../../../src/runtime/alarms/alarm_watch.ts";
import { THRESHOLDS } from "../../../src/runtime/alarms/thresholds.ts";
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

Deno.test("how long ago a counter has grown is known, so that an alarm says that its cause is over", () => {
  const history = new RecentFigures(60 * MINUTE);
  const at = (minutes: number, received: number, invalid: number) => ({
    ...figuresOf(QUIET),
    atMs: NOW + minutes * MINUTE,
    received,
    refused: new Map([["invalid", invalid]]),
  });
  for (const figures of [at(-8, 0, 0), at(-5, 500, 40), at(-2, 900, 40)]) history.keep(figures);
  const past = history.before(at(0, 1000, 40));
  assert.equal(past.quietMs(10 * MINUTE, ({ refused }) => refused.get("invalid")), 5 * MINUTE);
  assert.equal(past.quietMs(4 * MINUTE, ({ refused }) => refused.get("invalid")), undefined);
  const rule = ALARM_RULES.find(({ name }) => name === "VabusEventsRefused")!;
  const refusals = [{ reason: "invalid" as const, kind: "format" as const, count: 40 }];
  const [found] = rule.find({ ...QUIET, activity: { ...QUIET.activity, refusals } }, past);
  assert.match(found!.detail, /^refused as invalid: 40 events of the last 1,000; none for 5 min; they are/);
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

Deno.test("the numbers in the conditions of the alarms are those of the alerts", async () => {
  const file = parse(await Deno.readTextFile(`${ROOT}/deploy/prometheus/alerts.yaml`));
  const found = (file.groups[0].rules as { alert: string; expr: string }[]).map(({ alert, expr }) => {
    const numbers = [
      ...expr.replaceAll(/"[^"]*"|[a-z_]{2,}/g, "").matchAll(/\b\d[\d.e]*(?:[smhd]\b| \* \d+)?/g),
    ];
    // 0 and 1 are no thresholds: something is so, or is not.
    return [
      alert,
      [...new Set(numbers.map(([text]) => numberOf(text)))].filter((number) => number !== 0 && number !== 1),
    ] as const;
  });
  const own = Object.entries(THRESHOLDS).map(([alarm, numbers]) => [alarm, Object.values(numbers)] as const);
  const sorted = (all: readonly (readonly [string, readonly number[]])[]) =>
    Object.fromEntries(all.map(([name, numbers]) => [name, numbers.toSorted((a, b) => a - b)]));
  assert.deepEqual(sorted(own), sorted(found.filter(([, numbers]) => numbers.length > 0)));
});

/** A number of PromQL: `600`, `1e9`, `14 * 86400`, or a length of time in seconds: `10m`. */
function numberOf(text: string): number {
  const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
  const unit = units[text.at(-1)!];
  if (unit !== undefined) return Number(text.slice(0, -1)) * unit;
  return text.split("*").reduce((product, factor) => product * Number(factor), 1);
}

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
