import { integer } from "../../settings/value_type.ts";
import { withDefault } from "../../settings/variable.ts";

export const LISTEN_SETTINGS = {
  INBOX_MAX_BYTES: withDefault(integer(1024, 1e15), "1073741824", {
    help: "most bytes of the inbox of a listen:// source, in the state directory; when it is full, senders " +
      "are answered 429 and try again",
    example: "10737418240",
  }),
};
