/** A connection to Kafka, as sources and sinks of it have it. */
export interface KafkaAccess {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly login:
    | { readonly mechanism: string; readonly username: string; readonly password: string }
    | undefined;
  /** PEM texts; undefined: no TLS. */
  readonly tls: {
    readonly ca: string | undefined;
    readonly cert: string | undefined;
    readonly key: string | undefined;
  } | undefined;
}

/** The variables that the secrets of a connection come from. */
export interface KafkaSecrets {
  readonly password: string;
  readonly key: string;
}

type Option = readonly [name: string, value: string];

/** The options of Flink's connector that say how to reach the brokers. */
export function kafkaClientOptions(
  { brokers, login, tls }: KafkaAccess,
  variables: KafkaSecrets,
  secret: (variable: string, value: string) => string,
): Option[] {
  const protocol = `${login === undefined ? "" : "SASL_"}${
    tls !== undefined ? "SSL" : login === undefined ? "" : "PLAINTEXT"
  }`;
  const options: Option[] = [["properties.bootstrap.servers", brokers.join(",")]];
  if (protocol !== "") options.push(["properties.security.protocol", protocol]);
  if (login !== undefined) {
    // The connector has Kafka's classes under a name of its own.
    const module = login.mechanism === "plain" ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
    options.push(
      ["properties.sasl.mechanism", login.mechanism.toUpperCase()],
      [
        "properties.sasl.jaas.config",
        `org.apache.flink.kafka.shaded.org.apache.kafka.common.security.${module} required ` +
        `username=${quoted(login.username)} password=${quoted(secret(variables.password, login.password))};`,
      ],
    );
  }
  if (tls?.ca !== undefined) {
    options.push(["properties.ssl.truststore.type", "PEM"], [
      "properties.ssl.truststore.certificates",
      tls.ca,
    ]);
  }
  if (tls?.cert !== undefined && tls.key !== undefined) {
    options.push(
      ["properties.ssl.keystore.type", "PEM"],
      ["properties.ssl.keystore.certificate.chain", tls.cert],
      ["properties.ssl.keystore.key", secret(variables.key, tls.key)],
    );
  }
  return options;
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
