import type { Configured } from "./configured.ts";
import { type Declaration, IN_THE_CLEAR } from "./declaration.ts";
import type { Ledger } from "./ledger.ts";
import type { TelemetryValues } from "./telemetry_variables.ts";

/** What can be sent, as the paths of OTLP have it. */
export type Signal = "traces" | "metrics" | "logs";

/** What is told to a receiver of OTLP, and how. */
export interface TelemetryConfig {
  /** Without `/v1/traces` and the like. */
  readonly endpoint: string;
  /** `name=value`, percent-encoded, with commas between them. They are secret. */
  readonly headers: string | undefined;
  readonly protocol: "http/protobuf" | "http/json";
  /** The absolute path of a PEM file, and its text; undefined: the system's authorities. */
  readonly authority: { readonly path: string; readonly pem: string } | undefined;
  readonly serviceName: string;
  /** `name=value`, percent-encoded, with commas between them. */
  readonly resourceAttributes: string | undefined;
  readonly sampler: string;
  readonly samplerArg: number;
  /** At least one. */
  readonly signals: readonly Signal[];
  readonly metricsIntervalMs: number;
}

/** A shorter value of a header, such as the number of a tenant, would tear holes into any text. */
const SECRET_MIN_LENGTH = 6;

const RECEIVER: Declaration<Record<never, never>, TelemetryConfig> = {
  kind: "otlp",
  title: "OpenTelemetry",
  settings: {},
  /** The values of the headers, encoded and decoded, and without the scheme of a token (`Bearer`). */
  secretsOf: ({ headers }) => {
    const encoded = headers?.split(",").map((pair) => pair.slice(pair.indexOf("=") + 1)) ?? [];
    const decoded = pairsOf(headers).map(([, value]) => value);
    return [...encoded, ...decoded, ...decoded.map((value) => value.split(" ").at(-1)!)]
      .filter((text) => text.length >= SECRET_MIN_LENGTH);
  },
  credentialsOf: ({ endpoint, headers }) => {
    if (headers === undefined) return [];
    const { hostname, protocol } = new URL(endpoint);
    return [{
      credential: "OTEL_EXPORTER_OTLP_HEADERS",
      host: hostname,
      isProtected: protocol === "https:",
      flaw: IN_THE_CLEAR,
      remedy: "use https:// in OTEL_EXPORTER_OTLP_ENDPOINT",
    }];
  },
};

/** The receiver of OTLP; none: nothing is sent. */
export function configureTelemetry(
  values: TelemetryValues,
  ledger: Ledger,
): Configured<{ readonly options: TelemetryConfig }, Declaration>[] {
  const path = values.OTEL_EXPORTER_OTLP_CERTIFICATE;
  const pem = ledger.pem("OTEL_EXPORTER_OTLP_CERTIFICATE", "CERTIFICATE");
  const endpoint = values.OTEL_EXPORTER_OTLP_ENDPOINT;
  const signals = signalsOf(values);
  if (endpoint === undefined || values.OTEL_SDK_DISABLED || signals.length === 0) return [];
  const options: TelemetryConfig = {
    endpoint,
    headers: values.OTEL_EXPORTER_OTLP_HEADERS,
    protocol: values.OTEL_EXPORTER_OTLP_PROTOCOL,
    authority: path === undefined || pem === undefined ? undefined : { path: ledger.absolute(path), pem },
    serviceName: values.OTEL_SERVICE_NAME,
    resourceAttributes: values.OTEL_RESOURCE_ATTRIBUTES,
    sampler: values.OTEL_TRACES_SAMPLER,
    samplerArg: values.OTEL_TRACES_SAMPLER_ARG,
    signals,
    metricsIntervalMs: values.OTEL_METRIC_EXPORT_INTERVAL,
  };
  return [{ config: { options }, connector: RECEIVER as Declaration, named: (text) => text }];
}

function signalsOf(values: TelemetryValues): Signal[] {
  const exporters: readonly [Signal, "otlp" | "none"][] = [
    ["traces", values.OTEL_TRACES_EXPORTER],
    ["metrics", values.OTEL_METRICS_EXPORTER],
    ["logs", values.OTEL_LOGS_EXPORTER],
  ];
  return exporters.filter(([, exporter]) => exporter === "otlp").map(([signal]) => signal);
}

/** The names and values of a text of pairs, decoded; of no text, none. */
export function pairsOf(text: string | undefined): [name: string, value: string][] {
  if (text === undefined) return [];
  return text.split(",").map((pair) => {
    const equals = pair.indexOf("=");
    return [pair.slice(0, equals), decodeURIComponent(pair.slice(equals + 1))];
  });
}
