import { anyText } from "./value_type.ts";
import { optional } from "./variable.ts";

/** The login of the buses that know users. Every connector of such a kind declares it among its settings. */
export const BUS_LOGIN = {
  VABUS_USERNAME: optional(anyText("<name>", "a user name"), {
    group: "VaBus",
    help: "user to log in as at a bus that knows users, where its URL names none",
    example: "vabus",
    fromFile: true,
  }),
  VABUS_PASSWORD: optional(anyText("<password>", "a password"), {
    group: "VaBus",
    help: "its password",
    example: "VABUS_PASSWORD_FILE=/run/secrets/vabus-password",
    secret: true,
  }),
};
