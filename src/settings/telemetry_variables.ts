import * as z from "zod";
import { maskRefused } from "./mask.ts";
import { boolean, choice, integer, path, pattern, type ValueType } from "./value_type.ts";
import { optional, type ValuesOf, withDefault } from "./variable.ts";

const GROUP = "OpenTelemetry";

const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+=[\x21-\x2b\x2d-\x7e]+$/;
const ATTRIBUTE = /^[\x21-\x2b\x2d-\x3c\x3e-\x7e]+=[\x21-\x2b\x2d-\x3c\x3e-\x7e]*$/;

/** Where OTLP is sent to: a URL without credentials. */
function endpoint(): ValueType<string> {
  return {
    placeholder: "<url>",
    allowed: "http:// or https:// with host, port and perhaps a path, without user, parameters or fragment",
    maskRefused,
    schema: z.string().transform((text, context) => {
      const url = URL.parse(text);
      const isOne = url !== null && /^https?:$/.test(url.protocol) &&
        /^https?:\/\/[\x21-\x7e]+$/i.test(text) &&
        url.username === "" && url.password === "" && !/[?#@]/.test(text);
      if (isOne) return text.replace(/\/+$/, "");
      context.addIssue({ code: "custom", message: "is no such URL" });
      return z.NEVER;
    }),
  };
}

/** `key=value` pairs with commas between them; what they cannot hold is percent-encoded. */
function pairs(placeholder: string, what: string, one: RegExp): ValueType<string> {
  return {
    placeholder,
    allowed: `${what} as name=value, several with commas, other characters percent-encoded`,
    schema: z.string().transform((text, context) => {
      const parts = text.split(",").map((part) => part.trim());
      const isSound = (part: string) => one.test(part) && !/%(?![0-9a-f]{2})/i.test(part) && isPlain(part);
      if (parts.every(isSound)) return parts.join(",");
      context.addIssue({ code: "custom", message: "has a part that is not name=value" });
      return z.NEVER;
    }),
  };
}

/** Whether what is percent-encoded in a text is UTF-8 without control characters and commas. */
function isPlain(text: string): boolean {
  try {
    return !/[\p{Cc},]/u.test(decodeURIComponent(text));
  } catch {
    return false;
  }
}

/** Whether one of the signals is sent: nothing else than OTLP is spoken. */
function exporter(signal: string) {
  return withDefault(choice(["otlp", "none"]), "otlp", {
    group: GROUP,
    help: `whether ${signal} are sent`,
    example: "none",
    atStart: true,
    commonName: true,
  });
}

function ratio(): ValueType<number> {
  return {
    placeholder: "<ratio>",
    allowed: "a number from 0 to 1, such as 0.05",
    schema: z.string().regex(/^(0|1|0?\.\d{1,10}|0\.0*|1\.0*)$/, "is no such number").transform(Number),
  };
}

/**
 * What is told to a receiver of OTLP. The names are those that OpenTelemetry has given them, since that is
 * what operators and charts set. The exporter is built into Deno, which reads them when the process starts.
 */
export const TELEMETRY = {
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(endpoint(), {
    group: GROUP,
    help: "receiver of traces, logs and metrics by OTLP over HTTP, without /v1/traces and the like",
    example: "http://collector:4318",
    defaultText: "nothing is sent",
    atStart: true,
    commonName: true,
  }),
  OTEL_EXPORTER_OTLP_HEADERS: optional(pairs("<headers>", "headers", HEADER), {
    group: GROUP,
    help: "headers of each request to the receiver, such as its token",
    example: "OTEL_EXPORTER_OTLP_HEADERS_FILE=/run/secrets/otlp-headers",
    secret: true,
    atStart: true,
    commonName: true,
  }),
  OTEL_EXPORTER_OTLP_PROTOCOL: withDefault(choice(["http/protobuf", "http/json"]), "http/protobuf", {
    group: GROUP,
    help: "encoding of traces and logs; metrics are sent as JSON",
    example: "http/json",
    atStart: true,
    commonName: true,
  }),
  OTEL_EXPORTER_OTLP_CERTIFICATE: optional(path("the path of a readable PEM file"), {
    group: GROUP,
    help: "PEM file with the authority that signed the receiver's certificate",
    example: "/etc/vabus/otlp-ca.pem",
    defaultText: "the system's authorities",
    atStart: true,
    commonName: true,
  }),
  OTEL_SERVICE_NAME: withDefault(
    pattern("<name>", "1 to 200 printable ASCII characters without comma", /^[\x21-\x2b\x2d-\x7e]{1,200}$/),
    "vabus-data-handler",
    {
      group: GROUP,
      help: "service.name of what is sent",
      example: "vabus-plant7",
      atStart: true,
      commonName: true,
    },
  ),
  OTEL_RESOURCE_ATTRIBUTES: optional(pairs("<attributes>", "attributes", ATTRIBUTE), {
    group: GROUP,
    help: "further attributes of what is sent; service.instance.id is INSTANCE_ID unless it is among them",
    example: "deployment.environment.name=plant7",
    atStart: true,
    commonName: true,
  }),
  OTEL_TRACES_SAMPLER: withDefault(
    choice([
      "always_on",
      "always_off",
      "traceidratio",
      "parentbased_always_on",
      "parentbased_always_off",
      "parentbased_traceidratio",
    ]),
    "parentbased_always_on",
    {
      group: GROUP,
      help: "which traces are recorded",
      example: "parentbased_traceidratio",
      atStart: true,
      commonName: true,
    },
  ),
  OTEL_TRACES_SAMPLER_ARG: withDefault(ratio(), "1", {
    group: GROUP,
    help: "share of the traces that the samplers named traceidratio record",
    example: "0.05",
    atStart: true,
    commonName: true,
  }),
  OTEL_TRACES_EXPORTER: exporter("traces"),
  OTEL_METRICS_EXPORTER: exporter("metrics"),
  OTEL_LOGS_EXPORTER: exporter("log lines"),
  OTEL_METRIC_EXPORT_INTERVAL: withDefault(integer(1000, 86_400_000), "60000", {
    group: GROUP,
    help: "milliseconds from one send of the metrics to the next",
    example: "15000",
    atStart: true,
    commonName: true,
  }),
  OTEL_SDK_DISABLED: withDefault(boolean(), "false", {
    group: GROUP,
    help: "true: nothing is sent, whatever else is set",
    example: "true",
    atStart: true,
    commonName: true,
  }),
};

/**
 * Variables by which OpenTelemetry's own libraries are told what goes where. Whoever sets one that is none of
 * {@link TELEMETRY} expects something else than what happens here.
 */
export const OF_OPEN_TELEMETRY =
  /^OTEL_(?:EXPORTER_(?!OTLP_TIMEOUT$)|(?:TRACES|METRICS?|LOGS|CONFIG|EXPERIMENTAL_CONFIG)_)/;

export type TelemetryValues = ValuesOf<typeof TELEMETRY>;
