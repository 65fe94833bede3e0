import { VERSION } from "../version.ts";
import { jarsOf } from "./cluster_examination.ts";
import type { FlinkJob } from "./flink_job.ts";
import { differences } from "./setting_notes.ts";
import { comment, literal } from "./sql_text.ts";

/** The statements of a job, in the order in which a session runs them, without comments between them. */
export function statementsOf({ settings, definitions, insertions }: FlinkJob): string[] {
  return [
    ...settings.map(([name, value]) => `SET ${literal(name)} = ${literal(value)}`),
    ...definitions,
    statementSet(insertions),
  ];
}

/** All insertions are one job, which reads each bus once. */
export function statementSet(insertions: readonly string[]): string {
  return `EXECUTE STATEMENT SET BEGIN\n${insertions.map((insert) => `${insert};\n`).join("\n")}END`;
}

/**
 * The job as a script for people and for Flink's SQL client.
 *
 * @param given Names of the settings that have been given.
 */
export function scriptOf(job: FlinkJob, given: Iterable<string>): string {
  const others = differences(given);
  const parts = [
    comment(
      `The job of the handler's settings as Flink SQL, for Flink 2.2, by vabus-data-handler ${VERSION}.`,
      "On the same events its rows are those of the handler: docs/flink.md says where they are not, and why.",
      `In Flink's lib: ${jarsOf(job).join(", ")}.`,
      "To run it: envsubst < job.sql > filled.sql && bin/sql-client.sh -f filled.sql. Or let the handler " +
        "hand it to an SQL gateway: vabus-data-handler flink --submit http://gateway:8083.",
      "A text such as ${VARIABLE} stands for a secret. None is written here.",
    ),
    ...(job.leftOut.length === 0 ? [] : [comment("LEFT OUT:", ...job.leftOut)]),
    `${
      comment(
        "Checkpoints hold the offsets and the open windows together: after a failure the job goes on at the last one. " +
          "A job that is submitted anew begins at its start offsets, unless execution.state-recovery.path names a savepoint.",
      )
    }\n${job.settings.map(([name, value]) => `SET ${literal(name)} = ${literal(value)};`).join("\n")}`,
    ...job.definitions.map((statement) => `${statement};`),
    `${
      comment(
        "One job for all tiers and sinks, so that each bus is read once.",
        "A record in Kafka can be read (read_committed) when the next checkpoint is done.",
      )
    }\n${statementSet(job.insertions)};`,
    ...(others.length === 0
      ? []
      : [comment("Settings that are given and that Flink has no or another counterpart for:", ...others)]),
  ];
  return `${parts.join("\n\n")}\n`;
}
