/**
 * Starts a real PostgreSQL and a real Kafka for the tour of docs/tour.md, and shows the records that a reader
 * of committed records gets from the topic. Ports and data are the same at each start. Ctrl-C stops both and
 * keeps the data.
 *
 *   scripts/deno.sh run -A scripts/tour_servers.ts [--fresh] [--postgres-port N] [--kafka-port N]
 */
import { join } from "node:path";
import { Kafka, logLevel } from "kafkajs";
import { StateLock } from "../src/state/file/state_lock.ts";
import { KAFKA_PORTS, type KafkaBroker, kafkaIsExternal, startKafka } from "../tests/support/kafka_broker.ts";
import { makeTopic } from "../tests/support/make_topic.ts";
import { postgresIsExternal, startPostgres } from "../tests/support/postgres_server.ts";
import { flagsOf, refuse } from "./flags.ts";
import { MissingPrerequisite } from "./missing_prerequisite.ts";
import { TOUR_PARTS, tourDirectory, tourSettingsFile } from "./tour.ts";

const TOPIC = "vabus.aggregates";
const MAX_PORT = 65_535;

interface Wanted {
  readonly fresh: boolean;
  readonly postgresPort: number;
  /** The first of {@link KAFKA_PORTS}. */
  readonly kafkaPort: number;
}

function parseArguments(): Wanted {
  const values = flagsOf({
    fresh: { type: "boolean", default: false },
    "postgres-port": { type: "string", default: "15432" },
    "kafka-port": { type: "string", default: "19092" },
  });
  const port = (flag: "postgres-port" | "kafka-port", count: number) => {
    const first = Number(values[flag]);
    const isPort = Number.isInteger(first) && first >= 1 && first + count - 1 <= MAX_PORT;
    return isPort ? first : refuse(`--${flag} wants a port, such as 20000, not ${values[flag]}`);
  };
  return {
    fresh: values.fresh,
    postgresPort: port("postgres-port", 1),
    kafkaPort: port("kafka-port", KAFKA_PORTS),
  };
}

/** Ports are checked before the start: servers report a port in use late and in many lines. */
function demandPorts({ postgresPort, kafkaPort }: Wanted): void {
  const needed: [port: number, server: string, flag: string][] = [
    ...(postgresIsExternal
      ? []
      : [[postgresPort, "PostgreSQL", "postgres-port"] as [number, string, string]]),
    ...Array.from(
      { length: kafkaIsExternal ? 0 : KAFKA_PORTS },
      (_, index): [number, string, string] => [kafkaPort + index, "Kafka", "kafka-port"],
    ),
  ];
  for (const [port, server, flag] of needed) {
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      refuse(
        `Port ${port}, for ${server}, is in use: by another \`make servers\`? End what listens ` +
          `there, or choose another port: make servers ARGS="--${flag} 20000"`,
      );
    }
  }
}

async function beginAnew(directory: string): Promise<void> {
  const state = join(directory, "handler");
  if (await Deno.stat(state).then(() => true, () => false) && StateLock.isHeld(state)) {
    refuse(`A handler runs on ${state}: stop it (Ctrl-C), then begin anew.`);
  }
  for (const part of TOUR_PARTS) {
    await Deno.remove(join(directory, part), { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/** The file is replaced in one step, so that a terminal never reads half of it. */
async function writeSettings(
  directory: string,
  brokers: readonly string[],
  postgresUrl: string,
): Promise<void> {
  const settings = {
    TOUR_DIR: directory,
    STATE_DIR: join(directory, "handler"),
    STORAGE_TYPE: "kafka,postgres",
    KAFKA_BOOTSTRAP_SERVERS: brokers.join(","),
    KAFKA_TOPIC: TOPIC,
    POSTGRES_CONNECTION_STRING: postgresUrl,
    AGGREGATION_INTERVAL: "10",
  };
  const lines = Object.entries(settings).map(([name, value]) =>
    `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`
  );
  const file = tourSettingsFile(directory);
  await Deno.writeTextFile(`${file}.new`, lines.join(""), { mode: 0o600 });
  await Deno.rename(`${file}.new`, file);
}

/** Prints the records of the topic from where it stopped the last time. */
async function followTopic(brokers: string[]): Promise<AsyncDisposable> {
  const client = new Kafka({ clientId: "tour", brokers, logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  await makeTopic(admin, { topic: TOPIC });
  await admin.disconnect();
  const consumer = client.consumer({ groupId: "tour", readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message }) => Promise.resolve(console.log(message.value!.toString())),
  });
  return { [Symbol.asyncDispose]: () => consumer.disconnect() };
}

async function main(): Promise<void> {
  const wanted = parseArguments();
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, resolve);
  });
  demandPorts(wanted);
  const directory = tourDirectory();
  if (wanted.fresh) await beginAnew(directory);
  await Deno.mkdir(directory, { recursive: true, mode: 0o755 });

  console.log("Starting PostgreSQL and Kafka; the first time they are fetched, which takes a minute.");
  await using servers = new AsyncDisposableStack();
  const keep = <S extends { remove(): Promise<void> }>(server: S): S => {
    servers.defer(() => server.remove());
    return server;
  };
  const [kafka, postgres] = await Promise.all([
    startKafka({ home: { directory: join(directory, "kafka"), port: wanted.kafkaPort } }).then<KafkaBroker>(
      keep,
    ),
    startPostgres([], { directory: join(directory, "postgres"), port: wanted.postgresPort }).then(keep),
  ]);
  await writeSettings(directory, kafka.brokers, postgres.url);
  servers.use(await followTopic(kafka.brokers));
  console.log(`
Both are up, with their data in ${directory}. In each of the other terminals, in this directory:

  eval "$(make tour)"

Records of the topic ${TOPIC} follow here. Ctrl-C stops both servers; their data stay until \`make servers ARGS=--fresh\`.
`);
  await interrupted;
  console.log("Stopping both servers.");
}

try {
  await main();
  Deno.exit(0);
} catch (error) {
  if (!(error instanceof MissingPrerequisite)) throw error;
  console.error(error.message);
  Deno.exit(1);
}
