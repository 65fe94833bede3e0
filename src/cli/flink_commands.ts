import type { Registry } from "../runtime/registry.ts";
import { httpUrl } from "../settings/listener_url.ts";
import { directory, integer, pattern } from "../settings/value_type.ts";
import { type AnyCommand, command } from "./command.ts";
import { repeated, single, singleOr, toggle } from "./option.ts";

/** Flink's own default for the address of a gateway. */
const GATEWAY_URL = "http://localhost:8083";

const NO_LOGIN = "a gateway is asked without any";

const PERCENTILE = /^p(?:100(?:\.0{1,4})?|\d{1,2}(?:\.\d{1,4})?)$/;

/** How the job is made, for each of the commands. */
const JOB_OPTIONS = {
  parallelism: singleOr("--parallelism", integer(1, 10_000), "1", "subtasks of each step of the job"),
  percentiles: repeated(
    "--percentile",
    pattern("<pNN>", "p0 to p100", PERCENTILE),
    "a percentile that events name, beside those of AGG_FUNCTIONS",
  ),
  fromStates: repeated(
    "--from-state",
    directory("the directory of a handler's state"),
    "begin at the offsets of this state, whose handler has ended with once --flush; one for each instance",
  ),
  once: toggle("--once", "a job that reads what there is, closes all windows and ends"),
};

export function flinkCommand(registry: Registry): AnyCommand {
  return command({
    name: "flink",
    summary: "the same job as Flink SQL, for a stream that one machine cannot hold",
    details:
      "Prints a script for Flink 2.2 that reads Kafka and writes Kafka or PostgreSQL, with comments. What " +
      "Flink cannot do the same stands in it. Secrets stand as ${VARIABLE}. With --submit it is run at an " +
      "SQL gateway, and the job's id is printed.",
    examples: [
      ["flink > job.sql", "to read it, or for Flink's SQL client"],
      ["flink --submit http://gateway:8083 --parallelism 4", "runs it"],
      [
        "flink --from-state /var/lib/vabus-data-handler --submit http://gateway:8083",
        "goes on where a handler ended",
      ],
    ],
    concerns: registry.catalogue.names,
    options: {
      submit: single("--submit", httpUrl(NO_LOGIN), "the SQL gateway that is to run the job"),
      ...JOB_OPTIONS,
    },
    configure: (sources) => registry.configure(sources),
    run: async (context, options) => (await import("./flink.ts")).flink(context, options),
  });
}

export function checkFlinkCommand(registry: Registry): AnyCommand {
  return command({
    name: "flink check",
    summary: "reach the SQL gateway and its cluster, and name the jars that are missing there",
    details:
      "Defines the tables of the job in a session that ends with it, and lets the gateway plan the job. " +
      "Starts nothing and writes nothing. Exits 1 when something is missing, 75 when nobody answers.",
    examples: [["flink check --gateway http://gateway:8083", "before flink --submit"]],
    concerns: registry.catalogue.names,
    options: {
      gateway: singleOr("--gateway", httpUrl(NO_LOGIN), GATEWAY_URL, "the SQL gateway to ask"),
      ...JOB_OPTIONS,
    },
    configure: (sources) => registry.configure(sources),
    run: async (context, options) => (await import("./flink_check.ts")).checkFlink(context, options),
  });
}
