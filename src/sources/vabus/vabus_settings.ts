import { choice } from "../../settings/value_type.ts";
import { withDefault } from "../../settings/variable.ts";

export const VABUS_SETTINGS = {
  VABUS_MODE: withDefault(choice(["log", "queue"]), "log", {
    help: "queue = the destructive GET /event of old buses",
    example: "queue",
    atStart: true,
  }),
};
