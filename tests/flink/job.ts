import { type FlinkJob, flinkJob, type JobOptions } from "../../src/flink/flink_job.ts";
import { scriptOf } from "../../src/flink/script.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { VERSION } from "../../src/version.ts";
import { sourcesOf } from "../settings/sources.ts";

/** Files that settings may name. */
export const FILES = {
  "/tls/ca.pem": "-----BEGIN CERTIFICATE-----\nMIIca\n-----END CERTIFICATE-----\n",
  "/tls/other.pem": "-----BEGIN CERTIFICATE-----\nMIIother\n-----END CERTIFICATE-----\n",
  "/tls/cert.pem": "-----BEGIN CERTIFICATE-----\nMIIcert\n-----END CERTIFICATE-----\n",
  "/tls/key.pem": "-----BEGIN PRIVATE KEY-----\nMIIkey\n-----END PRIVATE KEY-----\n",
};

/** Settings without which there is no job. */
export const LEAST = {
  STORAGE_TYPE: "kafka",
  KAFKA_BOOTSTRAP_SERVERS: "broker1:9092",
  VABUS_URL: "kafka://broker1:9092/readings",
  INSTANCE_ID: "plant7",
};

const OPTIONS: JobOptions = {
  parallelism: 1,
  percentiles: ["p50", "p99"],
  endsWhenRead: false,
  offsets: undefined,
  secret: (variable) => `\${${variable}}`,
};

export interface MadeJob {
  readonly job: FlinkJob;
  readonly script: string;
  readonly secrets: readonly string[];
}

/** The job of some settings. */
export function jobOf(
  settings: Readonly<Record<string, string>>,
  options: Partial<JobOptions> = {},
): MadeJob {
  const config = REGISTRY.configure(sourcesOf({ environment: settings, files: FILES }));
  const job = flinkJob(config, REGISTRY, { ...OPTIONS, ...options });
  const script = scriptOf(job, Object.keys(settings)).replace(VERSION, "VERSION");
  return { job, script, secrets: config.secrets };
}
