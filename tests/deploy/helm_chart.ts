/** The Helm chart: what it renders, by the schemas of Kubernetes, and beside what Kustomize renders. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";
import { HELM, KUBECONFORM, KUBERNETES_VERSIONS, kubernetesSchemas } from "../../scripts/chart_tools.ts";
import { packChart } from "../../scripts/archive.ts";
import { isOnPath } from "../../scripts/debian.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { assertSameBytes } from "../support/same_bytes.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CHART = `${ROOT}/deploy/helm/vabus-data-handler`;
const VALUES = `${ROOT}/tests/deploy/values`;
const SETS = ["base", "instances", "sqlite", "monitored", "tls", "fewer"] as const;
/** The labels that only the chart has. */
const OF_THE_CHART = [
  "app.kubernetes.io/instance",
  "app.kubernetes.io/managed-by",
  "app.kubernetes.io/version",
  "helm.sh/chart",
];

// deno-lint-ignore no-explicit-any -- The shapes are other programs'.
type Resource = any;

Deno.test("Helm lints the chart with each set of values", async () => {
  const files = (await Array.fromAsync(Deno.readDir(VALUES), ({ name }) => name)).sort();
  assert.deepEqual(files, SETS.map((name) => `${name}.yaml`).sort());
  for (const name of SETS) {
    const { success, stdout, stderr } = await helm(
      "lint",
      "--strict",
      CHART,
      "--values",
      `${VALUES}/${name}.yaml`,
    );
    assert.ok(success, `${name}: ${stdout}${stderr}`);
  }
});

for (const version of KUBERNETES_VERSIONS) {
  Deno.test(`kubeconform finds nothing wrong with what is rendered, by Kubernetes ${version}`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "vabus-chart-" });
    try {
      for (const name of SETS) await Deno.writeTextFile(`${directory}/${name}.yaml`, await rendered(name));
      const { success, stdout, stderr } = await kubeconform(version, directory);
      assert.ok(success, stdout + stderr);
      assert.match(stdout, /Invalid: 0, Errors: 0, Skipped: 0/);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });

  Deno.test(`kubeconform finds fields that are not there, by Kubernetes ${version}`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "vabus-chart-" });
    try {
      const text = (await rendered("monitored")).replaceAll("interval:", "every:").replace(
        "podManagementPolicy:",
        "policy:",
      );
      await Deno.writeTextFile(`${directory}/wrong.yaml`, text);
      const { success, stdout } = await kubeconform(version, directory);
      assert.ok(!success);
      for (const kind of ["StatefulSet", "ServiceMonitor"]) {
        assert.match(stdout, new RegExp(`${kind} vabus-data-handler is invalid`));
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

for (const [name, directory] of [["base", "kubernetes"], ["instances", "kubernetes-instances"]] as const) {
  Deno.test({
    name: `the chart says what deploy/${directory} says`,
    ignore: !await isOnPath("kubectl"),
    async fn() {
      const { success, stdout, stderr } = await outcomeOf(
        "kubectl",
        "kustomize",
        `${ROOT}/deploy/${directory}`,
      );
      assert.ok(success, stderr);
      assert.deepEqual(compared(resources(await rendered(name))), compared(resources(stdout)));
    },
  });
}

Deno.test("alerts and dashboard are those of deploy/prometheus and deploy/grafana", async () => {
  const found = resources(await rendered("monitored"));
  const one = (kind: string, name: string) =>
    found.find((resource) => resource.kind === kind && resource.metadata.name === name);
  assert.deepEqual(
    one("PrometheusRule", "vabus-data-handler").spec,
    parse(await Deno.readTextFile(`${ROOT}/deploy/prometheus/alerts.yaml`)),
  );
  assert.deepEqual(
    JSON.parse(one("ConfigMap", "vabus-data-handler-dashboard").data["vabus-data-handler.json"]),
    JSON.parse(await Deno.readTextFile(`${ROOT}/deploy/grafana/vabus-data-handler.json`)),
  );
  // Prometheus names the job after this label, and the alerts go by the job.
  const { spec } = one("ServiceMonitor", "vabus-data-handler");
  assert.equal(one("Service", "vabus-data-handler").metadata.labels[spec.jobLabel], "vabus-data-handler");
});

Deno.test("settings arrive as they were written, and secrets by their names alone", async () => {
  const [sqlite, tls] = await Promise.all([rendered("sqlite"), rendered("tls")]);
  const settings = resources(sqlite).find(({ kind }) => kind === "ConfigMap").data;
  assert.deepEqual(settings, {
    VABUS_URL: "mqtt://broker:1883/plant/#",
    SQLITE_MODE: "0640",
    MAX_SERIES: "10000000",
    KAFKA_SSL: "false",
  });
  const { AGG_FUNCTIONS } = resources(tls).find(({ kind }) => kind === "ConfigMap").data;
  assert.equal(AGG_FUNCTIONS, '*.temperature=avg,min,max;"quoted" & <odd>=last;*=sum');

  const { containers: [container], volumes } = resources(tls).find(({ kind }) => kind === "StatefulSet").spec
    .template.spec;
  const files = volumes.find(({ name }: Resource) => name === "secrets").projected.sources
    .flatMap(({ secret }: Resource) =>
      secret.items.map(({ path }: Resource) => `/run/secrets/vabus/${path}`)
    );
  const named = container.env.filter(({ name }: Resource) => name.endsWith("_FILE"));
  assert.deepEqual(named.map(({ value }: Resource) => value).sort(), files.sort());
  assert.ok(named.some(({ name }: Resource) => name === "HISTORY_POSTGRES_CONNECTION_STRING_FILE"));
  assert.ok(named.some(({ name }: Resource) => name === "HTTP_CERT_FILE"));
  assert.equal(container.livenessProbe.httpGet.scheme, "HTTPS");
});

Deno.test("wrong values get an error that says what is wrong, and nothing is rendered", async () => {
  const wrong: [values: string[], said: RegExp][] = [
    [[], /settings\.VABUS_URL is missing: the bus, such as --set settings\.VABUS_URL=http:\/\/bus:8000/],
    [["settings.VABUS_TOKEN=x"], /\/settings\/VABUS_TOKEN.*left out: name its Secret below `secrets`/],
    [["settings.HISTORY_KAFKA_SASL_PASSWORD=x"], /left out: name its Secret below `secrets`/],
    [["settings.VABUS_URLS=http://bus"], /\/settings'?: additional properties 'VABUS_URLS' not allowed/],
    [["settings.INSTANCE_COUNT=2"], /left out: say it by `instances`/],
    [["settings.LOG_LEVEL=loud"], /\/settings\/LOG_LEVEL.*value must be one of .*'debug'/],
    [
      ["settings.VABUS_URL=a", "secrets.VABUS_URL.name=bus", "secrets.VABUS_URL.key=url"],
      /both in settings and in secrets/,
    ],
    [["secrets.VABUS_TOKEN.name=bus"], /\/secrets\/VABUS_TOKEN.*missing property 'key'/],
    [
      ["settings.VABUS_URL=a", "instances=4", "replicas=2"],
      /replicas is 2, and instances 4: .*lower instances first/,
    ],
    [["instances=0"], /\/instances.*minimum: got 0, want 1/],
    [["monitor.kind=Monitor"], /\/monitor\/kind.*'ServiceMonitor', 'PodMonitor'/],
    [["networkPolicy.egressPorts={0}"], /\/networkPolicy\/egressPorts\/0/],
    [["instance=4"], /additional properties 'instance' not allowed/],
  ];
  for (const [values, said] of wrong) {
    const { success, stdout, stderr } = await template(...values.flatMap((value) => ["--set", value]));
    assert.ok(!success && stdout === "", values.join());
    assert.match(stderr, said);
  }
});

Deno.test("the archive of a release is the same chart, and the same bytes each time", async () => {
  const [one, two] = await Promise.all([Deno.makeTempDir(), Deno.makeTempDir()]);
  try {
    const archives = await Promise.all([packChart(one), packChart(two)]);
    const [first, second] = await Promise.all(archives.map((path) => Deno.readFile(path)));
    assertSameBytes(first!, second!, "the archive");
    const values = ["--namespace", "vabus", "--values", `${VALUES}/monitored.yaml`];
    const { stdout, stderr } = await helm("template", "vabus-data-handler", archives[0]!, ...values);
    assert.equal(stdout, await rendered("monitored"), stderr);
  } finally {
    await Promise.all([one, two].map((path) => Deno.remove(path, { recursive: true })));
  }
});

Deno.test("after the installation it says the next commands", async () => {
  const { success, stdout, stderr } = await helm(
    ...["install", "plant7", CHART, "--namespace", "vabus", "--dry-run=client"],
    ...["--values", `${VALUES}/base.yaml`],
  );
  assert.ok(success, stderr);
  assert.match(stdout, /kubectl --namespace vabus rollout status statefulset\/plant7\n/);
  assert.match(stdout, /kubectl --namespace vabus exec plant7-0 -- \/vabus-data-handler verify\n/);
  assert.match(stdout, /at the ports 8000, 9092, 5432 /);
});

/** What is compared: all but what only the chart has, by kind and name. */
function compared(found: Resource[]): Record<string, Resource> {
  return Object.fromEntries(found.map((resource) => {
    // Kustomize puts the hash of the settings into their name, the chart into an annotation.
    const text = JSON.stringify(resource).replaceAll(
      /"vabus-data-handler-[0-9a-z]{10}"/g,
      '"vabus-data-handler"',
    );
    const copy = JSON.parse(text, (key, value) => {
      if (OF_THE_CHART.includes(key) || key === "annotations") return undefined;
      if (key === "env") return value.toSorted((a: Resource, b: Resource) => a.name < b.name ? -1 : 1);
      if (key === "sources") return value.flatMap(itemsOf).sort();
      return value;
    });
    return [`${copy.kind} ${copy.metadata.name}`, copy];
  }));
}

/** Each file of a Secret, as text. */
function itemsOf({ secret }: Resource): string[] {
  return secret.items.map(({ key, path }: Resource) => `${secret.name} ${key} ${path}`);
}

function resources(text: string): Resource[] {
  // As Helm and kubectl read it: 0440 is 288.
  return parseAllDocuments(text, { version: "1.1" }).map((document) => document.toJS()).filter((resource) =>
    resource !== null
  );
}

async function rendered(name: typeof SETS[number]): Promise<string> {
  const { success, stdout, stderr } = await template("--values", `${VALUES}/${name}.yaml`);
  assert.ok(success, stderr);
  return stdout;
}

function template(...args: string[]): Promise<Outcome> {
  return helm("template", "vabus-data-handler", CHART, "--namespace", "vabus", ...args);
}

async function helm(...args: string[]): Promise<Outcome> {
  return await outcomeOf(await HELM.ensure(), ...args);
}

async function kubeconform(version: string, directory: string): Promise<Outcome> {
  const schemas = await kubernetesSchemas();
  return await outcomeOf(
    await KUBECONFORM.ensure(),
    ...["-strict", "-summary", "-kubernetes-version", version],
    ...[
      "-schema-location",
      `${schemas}/{{.NormalizedKubernetesVersion}}/{{.ResourceKind}}{{.KindSuffix}}.json`,
    ],
    ...["-schema-location", `${schemas}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json`],
    directory,
  );
}
