/** Which of the alerts in deploy/prometheus fire for what a handler shows. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { hasPrometheus } from "../../scripts/servers.ts";

const ALERTS = new URL("../../deploy/prometheus/alerts.yaml", import.meta.url);
const INSTANCE = "plant";
/** Minutes for which the page stays as it is: longer than any alert waits. */
const MINUTES = 40;

type Labels = Readonly<Record<string, string>>;

interface Rule {
  readonly alert: string;
  readonly labels: Labels;
  annotations?: unknown;
}

/**
 * The samples of a page of metrics, by their series, without histograms, and without the disk: it is that of
 * the machine that tests.
 */
export function samplesOf(page: string): Map<string, number> {
  const lines = page.split("\n").filter((line) => /^vabus_handler_(?!\w*(?:_bucket\{|disk))/.test(line));
  return new Map(lines.map((line) => {
    const end = line.lastIndexOf(" ");
    return [line.slice(0, end), Number(line.slice(end + 1))];
  }));
}

/**
 * Has promtool say that exactly these alerts fire, where gauges stay as they are and each minute adds to the
 * counters what they show now. Without promtool nothing is checked.
 *
 * @param directory For the files of promtool.
 * @param fires By the name of the alert, the labels of each that fires, besides instance and severity.
 */
export async function assertFires(
  directory: string,
  samples: ReadonlyMap<string, number>,
  fires: Readonly<Record<string, readonly Labels[]>>,
): Promise<void> {
  if (!await hasPrometheus()) {
    console.log("which alerts fire is left out: there is no promtool");
    return;
  }
  const rules: { groups: { rules: Rule[] }[] } = parse(await Deno.readTextFile(ALERTS));
  const all = rules.groups.flatMap((group) => group.rules);
  // They have tests of their own, tests/deploy/alerts_test.ts.
  for (const rule of all) delete rule.annotations;
  const cases = {
    rule_files: ["rules.yaml"],
    tests: [{
      interval: "1m",
      input_series: [...samples].map(([series, value]) => ({
        series: series.includes("{")
          ? series.replace("{", `{instance="${INSTANCE}",`)
          : `${series}{instance="${INSTANCE}"}`,
        values: `${isCounter(series) ? `0+${value}` : value}x${MINUTES}`,
      })),
      alert_rule_test: all.map(({ alert, labels }) => ({
        alertname: alert,
        eval_time: `${MINUTES - 1}m`,
        exp_alerts: (fires[alert] ?? []).map((more) => ({
          exp_labels: { instance: INSTANCE, ...labels, ...more },
        })),
      })),
    }],
  };
  // JSON is YAML.
  await Deno.writeTextFile(`${directory}/rules.yaml`, JSON.stringify(rules));
  await Deno.writeTextFile(`${directory}/rules.test.yaml`, JSON.stringify(cases));
  const { success, stdout, stderr } = await new Deno.Command("promtool", {
    args: ["test", "rules", "rules.test.yaml"],
    cwd: directory,
  }).output();
  assert.ok(success, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
}

function isCounter(series: string): boolean {
  return series.split("{")[0]!.endsWith("_total");
}
