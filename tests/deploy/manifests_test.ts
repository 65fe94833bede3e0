/**
 * Files for other programs: workflows, container, compose and Kubernetes. These tests check what a schema
 * cannot.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { isFile } from "../../scripts/debian.ts";
import { PLATFORMS } from "../../scripts/platforms.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { VERSION } from "../../src/version.ts";
import { MIN_MINUTES } from "../hunt/plan.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WORKFLOWS = ["ci", "nightly", "release"].map((name) => `.github/workflows/${name}.yml`);

// deno-lint-ignore no-explicit-any -- The shapes are other programs'.
const read = async (path: string): Promise<any> => parse(await text(path), { strict: true, merge: true });

Deno.test("every YAML file parses", async () => {
  const paths = [...WORKFLOWS, ...await yamlFiles("deploy")];
  assert.ok(paths.length > 10);
  for (const path of paths) assert.equal(typeof await read(path), "object", path);
});

Deno.test("actions are pinned by a commit, with its version beside it", async () => {
  for (const path of WORKFLOWS) {
    const used = [...(await text(path)).matchAll(/uses: (.+)/g)].map(([, action]) => action!);
    assert.ok(used.length > 0);
    for (const action of used) assert.match(action, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, path);
  }
});

Deno.test("workflows make targets that there are", async () => {
  const targets = [...(await text("Makefile")).matchAll(/^([a-z-]+):.*## /gm)].map(([, target]) => target);
  for (const path of WORKFLOWS) {
    const made = [...(await text(path)).matchAll(/\bmake ([a-z-]+)/g)].map(([, target]) => target!);
    assert.ok(made.length > 0, path);
    for (const target of made) assert.ok(targets.includes(target), `${path}: make ${target}`);
  }
});

Deno.test("workflows name files that there are", async () => {
  for (const path of WORKFLOWS) {
    // Not those of a release, which are made.
    const named = (await text(path)).match(/(?<![\w./-])(?:scripts|src|tests|deploy|docs)\/[\w./-]+\.\w+/g) ??
      [];
    assert.ok(named.length > 0, path);
    for (const file of named) assert.ok(await isFile(`${ROOT}/${file}`), `${path}: ${file}`);
  }
});

Deno.test("every night all hunts and the mutants run, within the time of their jobs", async () => {
  const { on, jobs } = await read(".github/workflows/nightly.yml");
  assert.match(on.schedule[0].cron, /^\d+ \d+ \* \* \*$/);
  const commandsOf = (job: { steps: { run?: string }[] }) => job.steps.map(({ run }) => run ?? "").join("\n");
  const minutes = Number(/^make hunt ARGS="--minutes (\d+)"$/m.exec(commandsOf(jobs.hunt))![1]);
  assert.ok(minutes >= MIN_MINUTES && jobs.hunt["timeout-minutes"] > minutes);
  assert.match(commandsOf(jobs.mutants), /^make mutants\b/m);
});

Deno.test("a release starts every executable, and installs the packages, before it is published", async () => {
  const { jobs } = await read(".github/workflows/release.yml");
  const started = jobs.start.strategy.matrix.include.map(({ file }: { file: string }) => file);
  assert.deepEqual(started.sort(), PLATFORMS.map(({ fileName }) => fileName).sort());
  assert.deepEqual(jobs.publish.needs, ["start", "install"]);
  assert.deepEqual(jobs.publish.permissions, {
    contents: "write",
    "id-token": "write",
    attestations: "write",
  });
});

Deno.test("one version of Deno everywhere", async () => {
  const [, version] = /^npm_version=(\S+)$/m.exec(await text("scripts/deno.sh"))!;
  assert.match(
    await text("Dockerfile"),
    new RegExp(`^FROM denoland/deno:${version}(?:@\\S+)? AS build$`, "m"),
  );
  for (const path of WORKFLOWS) {
    const named = [...(await text(path)).matchAll(/deno-version: (\S+)/g)].map(([, name]) => name);
    assert.deepEqual([...new Set(named)], [version], path);
  }
});

Deno.test("the image is run by nobody, has no shell, a state, a check and a stop signal", async () => {
  const last = (await text("Dockerfile")).split(/^FROM /m).at(-1)!;
  assert.match(last, /^gcr\.io\/distroless\/cc-debian\d+:nonroot(?:@\S+)?$/m);
  assert.match(last, /^USER 65532:65532$/m);
  assert.match(last, /^VOLUME \/var\/lib\/vabus-data-handler$/m);
  assert.match(last, /^STOPSIGNAL SIGTERM$/m);
  assert.match(last, /^HEALTHCHECK .*CMD \["\/vabus-data-handler", "health"\]$/m);
  assert.doesNotMatch(last, /^RUN /m);
  assert.equal(/image\.version="(.+)"/.exec(last)?.[1], VERSION);
});

Deno.test("compose and Kubernetes set variables that there are", async () => {
  const compose = await read("deploy/compose.yaml");
  const { spec } = await read("deploy/kubernetes/stateful-set.yaml");
  const shared = await read("deploy/kubernetes-instances/stateful-set.yaml");
  const settings = (await text("deploy/kubernetes/settings.env")).trim().split("\n");
  const names = [
    ...Object.keys(compose.services.bus.environment),
    ...Object.keys(compose.services.handler.environment),
    ...spec.template.spec.containers[0].env.map(({ name }: { name: string }) => name),
    ...shared.spec.template.spec.containers[0].env.map(({ name }: { name: string }) => name),
    ...settings.map((line) => line.split("=")[0]!),
  ];
  for (const name of names) {
    assert.ok((REGISTRY.catalogue.givenNames as readonly string[]).includes(name), name);
  }
});

Deno.test("compose: the bus asks for a token, which the handler has, and Prometheus is let in by the name it uses", async () => {
  const { services: { bus, handler } } = await read("deploy/compose.yaml");
  assert.ok(bus.environment.VABUS_TOKEN.length >= 16);
  assert.equal(handler.environment.VABUS_TOKEN, bus.environment.VABUS_TOKEN);
  const { scrape_configs } = await read("deploy/compose/prometheus.yaml");
  const names = scrape_configs.flatMap(({ static_configs }: { static_configs: { targets: string[] }[] }) =>
    static_configs.flatMap(({ targets }) => targets.map((target) => target.split(":")[0]!))
  );
  assert.deepEqual(names, handler.environment.HTTP_ALLOWED_HOSTS.split(","));
});

Deno.test("Kubernetes: secrets are where the variables point to, and what selects the pods selects them", async () => {
  const at = (file: string) => read(`deploy/kubernetes/${file}`);
  const { spec } = await at("stateful-set.yaml");
  const { labels } = spec.template.metadata;
  assert.deepEqual(spec.selector.matchLabels, labels);
  assert.deepEqual((await at("service.yaml")).spec.selector, labels);
  assert.deepEqual((await at("pod-disruption-budget.yaml")).spec.selector.matchLabels, labels);
  assert.deepEqual((await at("network-policy.yaml")).spec.podSelector.matchLabels, labels);

  const [container] = spec.template.spec.containers;
  const secret = await at("secret.example.yaml");
  const mounted = container.volumeMounts.find(({ name }: { name: string }) => name === "secrets").mountPath;
  const [{ secret: { items } }] = spec.template.spec.volumes
    .find(({ name }: { name: string }) => name === "secrets").projected.sources;
  const files = container.env.flatMap(({ name, value }: { name: string; value?: string }) =>
    name.endsWith("_FILE") ? [value] : []
  );
  assert.deepEqual(files.sort(), items.map(({ path }: { path: string }) => `${mounted}/${path}`).sort());
  assert.deepEqual(
    items.map(({ key }: { key: string }) => key).sort(),
    Object.keys(secret.stringData).sort(),
  );
  const { images } = await at("kustomization.yaml");
  assert.equal(images[0].newTag, VERSION);
});

Deno.test("the chart has the version of the program", async () => {
  const { version, appVersion } = await read("deploy/helm/vabus-data-handler/Chart.yaml");
  assert.deepEqual([version, appVersion], [VERSION, VERSION]);
});

Deno.test("Kubernetes: as many instances are started as share the partitions", async () => {
  const at = (file: string) => read(`deploy/kubernetes-instances/${file}`);
  const [{ name, count }] = (await at("kustomization.yaml")).replicas;
  const { metadata, spec } = await at("stateful-set.yaml");
  assert.equal(metadata.name, name);
  const { containers, topologySpreadConstraints } = spec.template.spec;
  const values = Object.fromEntries(
    containers[0].env.map(({ name, value }: { name: string; value: string }) => [name, value]),
  );
  assert.deepEqual(values, { INSTANCE_COUNT: `${count}`, INSTANCE_INDEX: "auto" });
  const { labels } = (await read("deploy/kubernetes/stateful-set.yaml")).spec.template.metadata;
  for (const { labelSelector } of topologySpreadConstraints) {
    assert.deepEqual(labelSelector.matchLabels, labels);
  }
});

function text(path: string): Promise<string> {
  return Deno.readTextFile(`${ROOT}/${path}`);
}

async function yamlFiles(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}/${directory}`)) {
    const path = `${directory}/${name}`;
    // Templates are no YAML before they are rendered.
    if (isDirectory && name !== "templates") found.push(...await yamlFiles(path));
    else if (name.endsWith(".yaml")) found.push(path);
  }
  return found;
}
