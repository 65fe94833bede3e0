import { fileMode, path } from "../../settings/value_type.ts";
import { optional } from "../../settings/variable.ts";

export const SQLITE_SETTINGS = {
  SQLITE_PATH: optional(path("the path of a file"), {
    help: "file of the embedded sink",
    example: "/srv/vabus/aggregates.sqlite",
    defaultText: "<STATE_DIR>/aggregates.sqlite",
  }),
  SQLITE_MODE: optional(fileMode(), {
    help: "who may read the file beside its owner, as for chmod; set, it also changes a file that is there",
    example: "0640",
    defaultText: "0600 for a new file",
  }),
};
