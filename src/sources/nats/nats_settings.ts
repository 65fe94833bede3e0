import { BUS_LOGIN } from "../../settings/bus_login.ts";
import { anyText } from "../../settings/value_type.ts";
import { optional } from "../../settings/variable.ts";

export const NATS_SETTINGS = {
  ...BUS_LOGIN,
  VABUS_CREDENTIALS: optional(
    anyText("<credentials>", "the content of a credentials file, or an nkey seed"),
    {
      help: "login at NATS by a key: usually the file with JWT and seed that nsc makes",
      example: "VABUS_CREDENTIALS_FILE=/etc/vabus/plant.creds",
      secret: true,
    },
  ),
};
