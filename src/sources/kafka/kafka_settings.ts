import { anyText } from "../../settings/value_type.ts";
import { optional } from "../../settings/variable.ts";

export const KAFKA_SOURCE_SETTINGS = {
  VABUS_USERNAME: optional(anyText("<name>", "a user name"), {
    help: "user to log in as at Kafka, where the URL names none; the URL says how: " +
      "sasl=plain, scram-sha-256 or scram-sha-512",
    example: "vabus",
    fromFile: true,
  }),
  VABUS_PASSWORD: optional(anyText("<password>", "a password"), {
    help: "its password",
    example: "VABUS_PASSWORD_FILE=/run/secrets/vabus-password",
    secret: true,
  }),
};
