import { anyText, boolean, choice, hostPorts, path, pattern } from "../../settings/value_type.ts";
import { optional, withDefault } from "../../settings/variable.ts";

export const KAFKA_SETTINGS = {
  KAFKA_BOOTSTRAP_SERVERS: optional(hostPorts(), {
    help: "brokers to begin with",
    needed: true,
    example: "broker1:9092,broker2:9092",
  }),
  KAFKA_TOPIC: withDefault(
    pattern(
      "<topic>",
      "1 to 249 of letters, digits, dot, underscore and hyphen",
      /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
    ),
    "vabus.aggregates",
    { help: "topic of the aggregates", example: "plant7.aggregates" },
  ),
  KAFKA_SASL_MECHANISM: optional(choice(["plain", "scram-sha-256", "scram-sha-512"]), {
    help: "how to log in",
    example: "scram-sha-512",
    defaultText: "off",
  }),
  KAFKA_SASL_USERNAME: optional(anyText("<name>", "a user name"), {
    help: "user to log in as",
    example: "vabus",
    fromFile: true,
  }),
  KAFKA_SASL_PASSWORD: optional(anyText("<password>", "a password"), {
    help: "its password",
    example: "KAFKA_SASL_PASSWORD_FILE=/run/secrets/kafka",
    secret: true,
  }),
  KAFKA_SSL: withDefault(boolean(), "false", {
    help: "TLS to the brokers",
    example: "true",
    commonName: true,
  }),
  KAFKA_SSL_CA_FILE: optional(path("the path of a readable PEM file"), {
    help: "PEM file with the authority that signed the brokers' certificates",
    example: "/etc/vabus/kafka-ca.pem",
    defaultText: "the system's authorities",
  }),
  KAFKA_SSL_CERT_FILE: optional(path("the path of a readable PEM file"), {
    help: "PEM file with the client certificate",
    example: "/etc/vabus/kafka.pem",
  }),
  KAFKA_SSL_KEY_FILE: optional(path("the path of a readable PEM file"), {
    help: "PEM file with the key of the client certificate",
    example: "/etc/vabus/kafka.key",
    keyFile: true,
  }),
  KAFKA_DELIVERY: withDefault(choice(["exactly-once", "at-least-once"]), "exactly-once", {
    help: "at-least-once does without transactions, for brokers that forbid them",
    example: "at-least-once",
  }),
  KAFKA_COMPRESSION: withDefault(choice(["none", "gzip", "lz4", "zstd"]), "none", {
    help: "how batches of records are compressed: less network and disk, more processor time",
    example: "zstd",
  }),
};
