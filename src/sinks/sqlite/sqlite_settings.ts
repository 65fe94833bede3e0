import { duration, fileMode, path } from "../../settings/value_type.ts";
import { optional } from "../../settings/variable.ts";

/** Seconds. */
const YEAR = 365 * 86_400;

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
  SQLITE_RETENTION: optional(duration(1, 100 * YEAR), {
    help: "how long rows are kept, by their window; at least CORRECTION_HORIZON + AGGREGATION_INTERVAL",
    example: "90d",
    defaultText: "for ever",
  }),
};
