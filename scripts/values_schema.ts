import type { Catalogue } from "../src/settings/catalogue.ts";
import { jsonSchema } from "../src/settings/json_schema.ts";

// deno-lint-ignore no-explicit-any -- JSON Schema.
type Schema = Record<string, any>;

/** What the chart sets by itself, and what a person says instead. */
const OF_THE_CHART: Readonly<Record<string, string>> = {
  INSTANCE_ID: "left out: an instance is called after its pod",
  INSTANCE_COUNT: "left out: say it by `instances`",
  INSTANCE_INDEX: "left out: it is the number of the pod",
  STATE_DIR: "left out: the state is on the volume of the pod",
  HTTP_LISTEN: "left out: the probes ask port 8090",
};
/** Settings that name a file. */
const NAMES_A_FILE = /_(?:FILE|CERTIFICATE)$/;

const text = { type: "string" };
const size = { type: "string", pattern: "^[0-9]+(?:\\.[0-9]+)?(?:[KMGTP]i?)?$" };
const labels = { type: "object", additionalProperties: text };
const switched = { enabled: { type: "boolean" }, labels };
const port = { type: "integer", minimum: 1, maximum: 65535 };
/** A key of a Secret. */
const reference = {
  ...object({ name: { ...text, minLength: 1 }, key: { ...text, minLength: 1 } }),
  required: ["name", "key"],
};

/**
 * The schema of the chart's values: deploy/helm/vabus-data-handler/values.schema.json. Settings are those of
 * the catalogue, so a name with a slip in it is refused before anything is installed.
 */
export function valuesSchema(catalogue: Catalogue): Schema {
  const { properties, patternProperties } = jsonSchema(catalogue) as {
    properties: Record<string, Schema>;
    patternProperties: Record<string, Schema>;
  };
  const secrets = secretsOf(catalogue);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the chart vabus-data-handler",
    ...object({
      global: { type: "object" },
      instances: { type: "integer", minimum: 1, maximum: 1000 },
      replicas: { type: "integer", minimum: 1, maximum: 1000 },
      image: object({
        repository: { ...text, minLength: 1 },
        tag: text,
        digest: { ...text, pattern: "^(?:sha256:[0-9a-f]{64})?$" },
      }),
      imagePullSecrets: { type: "array", items: text },
      settings: {
        type: "object",
        properties: mapped(properties, setting),
        patternProperties: mapped(patternProperties, setting),
        additionalProperties: false,
      },
      secrets: {
        type: "object",
        properties: Object.fromEntries(secrets.map((name) => [name, reference])),
        patternProperties: Object.fromEntries(
          secrets.filter((name) => isOfASink(name, patternProperties)).map((
            name,
          ) => [ofAny(name), reference]),
        ),
        additionalProperties: false,
      },
      volume: object({ size, className: text }),
      resources: { type: "object" },
      nodeSelector: labels,
      tolerations: { type: "array", items: { type: "object" } },
      networkPolicy: object({
        enabled: { type: "boolean" },
        monitoringNamespace: { ...text, minLength: 1 },
        egressPorts: { type: "array", items: port },
      }),
      monitor: object({
        ...switched,
        kind: { enum: ["ServiceMonitor", "PodMonitor"] },
        interval: { ...text, pattern: "^[0-9]+(?:ms|s|m)$" },
        tlsConfig: { type: "object" },
      }),
      alerts: object(switched),
      dashboard: object(switched),
    }),
  };
}

/** YAML has numbers and truths of its own; the variable gets their text. */
function setting(
  name: string,
  { description, default: value, enum: words, examples, writeOnly }: Schema,
): Schema {
  const instead = OF_THE_CHART[name] ?? (writeOnly ? "left out: name its Secret below `secrets`" : undefined);
  // The only value that is valid is the message that a person gets for any other one.
  if (instead !== undefined) return { const: instead };
  // In YAML 0640 without quotes is 416.
  const hasLeadingZero = /^0\d/.test(examples?.[0] ?? "");
  return {
    ...(words === undefined ? { type: hasLeadingZero ? "string" : ["string", "number", "boolean"] } : {
      enum: words.flatMap((word: string) => /^(?:true|false)$/.test(word) ? [word, word === "true"] : [word]),
    }),
    description,
    ...(value !== undefined && { default: value }),
  };
}

/** Settings whose value may be in a file, and those that name one. */
function secretsOf(catalogue: Catalogue): string[] {
  return catalogue.names.filter((name) =>
    catalogue.fileVariable(name) !== undefined || NAMES_A_FILE.test(name)
  );
}

function isOfASink(name: string, patternProperties: Record<string, Schema>): boolean {
  return patternProperties[ofAny(name)] !== undefined;
}

/** As `jsonSchema` has it: the settings of a sink with an id. */
function ofAny(name: string): string {
  return `^[A-Z][A-Z0-9_]*_${name}$`;
}

function object(properties: Record<string, Schema>): Schema {
  return { type: "object", properties, additionalProperties: false };
}

function mapped(
  schemas: Record<string, Schema>,
  schemaOf: (name: string, schema: Schema) => Schema,
): Record<string, Schema> {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, schemaOf(name, schema)]));
}
