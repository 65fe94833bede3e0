import { systemClock } from "../../platform/clock/clock.ts";
import { sinkConnector } from "../../contract/connector.ts";
import type { CompressionName } from "../../platform/kafka/compression.ts";
import { kafkaClientOptions } from "../../platform/kafka/flink_client_options.ts";
import { IN_THE_CLEAR, type TlsConfig } from "../../settings/declaration.ts";
import type { Scope } from "../../settings/scope.ts";
import { KAFKA_SETTINGS } from "./kafka_settings.ts";

interface KafkaConfig {
  /** `host:port` each. */
  readonly bootstrapServers: readonly string[];
  readonly topic: string;
  readonly sasl: SaslConfig | undefined;
  /** Undefined: no TLS. */
  readonly tls: TlsConfig | undefined;
  readonly delivery: "exactly-once" | "at-least-once";
  readonly compression: CompressionName;
}

interface SaslConfig {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

export const KAFKA = sinkConnector({
  kind: "kafka",
  title: "Kafka",
  settings: KAFKA_SETTINGS,
  configure(scope): KafkaConfig {
    const { values } = scope;
    const tls = scope.tls("KAFKA_SSL_CA_FILE", "KAFKA_SSL_CERT_FILE", "KAFKA_SSL_KEY_FILE");
    if (tls !== undefined && !values.KAFKA_SSL && !scope.isAtFault("KAFKA_SSL")) {
      scope.fault(
        "KAFKA_SSL",
        "is false, but there are files for it; set it to true or leave KAFKA_SSL_*_FILE out",
      );
    }
    return {
      bootstrapServers: values.KAFKA_BOOTSTRAP_SERVERS!,
      topic: values.KAFKA_TOPIC,
      sasl: saslOf(scope),
      tls: values.KAFKA_SSL ? tls ?? { ca: undefined, cert: undefined, key: undefined } : undefined,
      delivery: values.KAFKA_DELIVERY,
      compression: values.KAFKA_COMPRESSION,
    };
  },
  targetsOf: ({ bootstrapServers, topic }) => bootstrapServers.map((server) => `${server}/${topic}`),
  secretsOf: ({ sasl, tls }) => [sasl?.password, tls?.key],
  addressesOf: ({ bootstrapServers }) =>
    bootstrapServers.map((address) => ({ setting: "KAFKA_BOOTSTRAP_SERVERS", address })),
  credentialsOf({ bootstrapServers, sasl, tls }) {
    // SCRAM authenticates both sides without sending the password.
    if (sasl?.mechanism !== "plain") return [];
    return bootstrapServers.map((server) => ({
      credential: "KAFKA_SASL_PASSWORD",
      host: server.replace(/:\d+$/, ""),
      isProtected: tls !== undefined,
      flaw: IN_THE_CLEAR,
      remedy: "set KAFKA_SSL=true, with KAFKA_SSL_CA_FILE where the authority is your own",
    }));
  },
  flink: ({ bootstrapServers, topic, sasl, tls, delivery, compression }, { job, secret }) => ({
    rows: "json",
    options: [
      ["connector", "kafka"],
      ["topic", topic],
      ...kafkaClientOptions({ brokers: bootstrapServers, login: sasl, tls }, {
        password: "KAFKA_SASL_PASSWORD",
        key: "KAFKA_SSL_KEY",
      }, secret),
      ["key.format", "raw"],
      ["key.fields", "name"],
      ["value.format", "raw"],
      ["value.fields-include", "EXCEPT_KEY"],
      ["sink.delivery-guarantee", delivery],
      ...(compression === "none" ? [] : [["properties.compression.type", compression] as const]),
      ...(delivery === "exactly-once"
        ? [
          ["sink.transactional-id-prefix", job] as const,
          // The most that brokers allow by default. A job that is away for longer loses what was open.
          ["properties.transaction.timeout.ms", "900000"] as const,
        ]
        : []),
    ],
    notes: tls?.key === undefined
      ? []
      : ["${KAFKA_SSL_KEY} stands for the text of KAFKA_SSL_KEY_FILE, which must be PKCS #8."],
  }),
  async create({ sasl, tls, ...config }, { id, instance, logger }) {
    const { KafkaSink } = await import("./kafka_sink.ts");
    const options = { ...config, ...(sasl && { sasl }), ...(tls && { ssl: tls }) };
    return new KafkaSink({ ...options, id, instance, clock: systemClock }, logger);
  },
  readBack: { scan: "the whole Kafka topic" },
});

function saslOf(scope: Scope<typeof KAFKA_SETTINGS>): SaslConfig | undefined {
  const names = ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"] as const;
  const first = names.find((name) => scope.isGiven(name));
  if (first === undefined) return undefined;
  const why = `since ${first} is set`;
  return {
    mechanism: scope.required("KAFKA_SASL_MECHANISM", why),
    username: scope.required("KAFKA_SASL_USERNAME", why),
    password: scope.required("KAFKA_SASL_PASSWORD", why),
  };
}
