import type { FlinkJob } from "./flink_job.ts";
import { GatewayError } from "./gateway_error.ts";
import { NO_CLASS, type SqlGateway } from "./sql_gateway.ts";
import { literal } from "./sql_text.ts";

/** One thing that was examined. */
export interface ClusterFinding {
  readonly isWell: boolean;
  readonly words: string;
}

interface Jar {
  /** The beginning of its file's name. */
  readonly name: string;
  /** A class that is in it and in no other. */
  readonly className: string;
}

/** What each connector needs in Flink's lib. */
const JARS: Readonly<Record<string, readonly Jar[]>> = {
  kafka: [{
    name: "flink-sql-connector-kafka",
    className: "org.apache.flink.streaming.connectors.kafka.table.KafkaDynamicTableFactory",
  }],
  jdbc: [
    {
      name: "flink-connector-jdbc-core",
      className: "org.apache.flink.connector.jdbc.core.table.JdbcDynamicTableFactory",
    },
    {
      name: "flink-connector-jdbc-postgres",
      className: "org.apache.flink.connector.jdbc.postgres.database.dialect.PostgresDialect",
    },
    { name: "postgresql (the JDBC driver)", className: "org.postgresql.Driver" },
  ],
};

/** The jars that a job needs beside Flink's own. */
export function jarsOf({ connectors }: FlinkJob): readonly string[] {
  return [...connectors].flatMap((connector) => JARS[connector] ?? []).map(({ name }) => name);
}

/**
 * Looks for the jars, reaches the cluster and lets the gateway plan the job. The plan is left out where a jar
 * is missing, which it would say in other words.
 *
 * @throws {GatewayError} when the gateway itself cannot be asked.
 */
export async function* examineCluster(gateway: SqlGateway, job: FlinkJob): AsyncGenerator<ClusterFinding> {
  yield { isWell: true, words: `SQL gateway: ${await gateway.version()}` };
  let hasAll = true;
  for (const jar of [...job.connectors].flatMap((connector) => JARS[connector] ?? [])) {
    const isThere = await hasClass(gateway, jar.className);
    hasAll &&= isThere;
    yield {
      isWell: isThere,
      words: isThere
        ? jar.name
        : `${jar.name} is missing: put it into Flink's lib, and start cluster and gateway again`,
    };
  }
  yield await cluster(gateway);
  if (hasAll) yield await plan(gateway, job);
}

/** The gateway looks a class up before it finds that it is no function. */
async function hasClass(gateway: SqlGateway, className: string): Promise<boolean> {
  try {
    await gateway.run(`CREATE TEMPORARY SYSTEM FUNCTION vabus_probe AS ${literal(className)}`);
    return true;
  } catch (error) {
    if (!(error instanceof GatewayError) || error.kind !== "refused") throw error;
    return !error.message.startsWith(NO_CLASS);
  }
}

async function cluster(gateway: SqlGateway): Promise<ClusterFinding> {
  try {
    await gateway.run("SHOW JOBS");
    return { isWell: true, words: "cluster: answers the gateway" };
  } catch (error) {
    if (!(error instanceof GatewayError) || !["refused", "slow"].includes(error.kind)) throw error;
    return {
      isWell: false,
      words: `cluster: the gateway does not reach it: ${error.message} Is the JobManager up, and does ` +
        "rest.address in the gateway's conf/config.yaml lead to it?",
    };
  }
}

async function plan(
  gateway: SqlGateway,
  { settings, definitions, insertions }: FlinkJob,
): Promise<ClusterFinding> {
  const statements = [
    ...settings.map(([name, value]) => `SET ${literal(name)} = ${literal(value)}`),
    ...definitions,
    `EXPLAIN STATEMENT SET BEGIN\n${insertions.map((insert) => `${insert};\n`).join("")}END`,
  ];
  try {
    for (const statement of statements) await gateway.run(statement);
    return { isWell: true, words: "the job: planned" };
  } catch (error) {
    if (!(error instanceof GatewayError) || error.kind !== "refused") throw error;
    return { isWell: false, words: `the job: ${error.message}` };
  }
}
