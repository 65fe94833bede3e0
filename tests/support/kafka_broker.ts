import { join } from "node:path";
import { Kafka, logLevel, Partitioners, type Producer } from "kafkajs";
import { javaBinary, kafkaClassPath } from "../../scripts/servers.ts";
import "../../src/sinks/kafka/kafka_request_queue.ts";
import { classArchive, makeArchive, usingArchive } from "./class_archive.ts";
import { PATIENCE_MS } from "./executable.ts";
import { freePort } from "./free_port.ts";
import type { ServerHome } from "./postgres_server.ts";
import { ServerProcess } from "./server_process.ts";

const externalBrokers = Deno.env.get("TEST_KAFKA_BROKERS");

/** True when `TEST_KAFKA_BROKERS` names the brokers: tests that stop or freeze them cannot run then. */
export const kafkaIsExternal = externalBrokers !== undefined;

export interface KafkaBroker {
  readonly brokers: string[];
  /**
   * The same broker behind SASL PLAIN: users `tester` and `limited`, password `kafka-secret`. Not with
   * external brokers.
   */
  readonly saslBrokers: string[];
  /** Where it keeps the records of each partition, in a directory `TOPIC-PARTITION`. */
  readonly dataDirectory: string;
  /** The port that the proxy of {@link startKafka} must lead to. */
  readonly proxiedPort: number;
  /** The port that the proxy must listen on. Where no proxy was asked for, it is `proxiedPort`. */
  readonly proxyPort: number;
  stop(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Stops the broker and deletes its data, unless it has a home. */
  remove(): Promise<void>;
}

export interface KafkaOptions {
  /** The port of a proxy. Clients that come through the proxy are told to find the broker there. */
  readonly proxyPort?: number;
  /**
   * The directory and port of a broker that is started again later. It uses the port and the three after it.
   */
  readonly home?: ServerHome;
  /** More settings of the broker, `name=value` each. */
  readonly settings?: readonly string[];
  /** Flags of its JVM; the ones that use the archive of its classes without them. */
  readonly jvm?: readonly string[];
}

/** Below its own directory. */
const DATA = "data";

/** How many ports a broker listens on. */
export const KAFKA_PORTS = 4;

/** A Kafka client for the tests, with their time limits. */
export function kafkaClient(brokers: readonly string[]): Kafka {
  return new Kafka({
    clientId: "tests",
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: PATIENCE_MS,
    requestTimeout: PATIENCE_MS,
  });
}

/**
 * A producer whose records are in the topic once. kafkajs sends a whole request again where one partition of
 * it was not ready, and the broker drops what it has of an idempotent producer.
 */
export function kafkaProducer(kafka: Kafka): Producer {
  return kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    idempotent: true,
    maxInFlightRequests: 1,
  });
}

/**
 * A fresh single-node Kafka (KRaft) in a temporary directory, on 127.0.0.1 and free ports, or the one of
 * `home`; or `TEST_KAFKA_BROKERS`.
 */
export async function startKafka(
  { proxyPort, home, settings = [], jvm: flags }: KafkaOptions = {},
): Promise<KafkaBroker> {
  if (externalBrokers !== undefined) return externalCluster(externalBrokers.split(","));
  const [java, classPath] = await Promise.all([javaBinary(), kafkaClassPath()]);
  const directory = home?.directory ?? await Deno.makeTempDir({ prefix: "vabus-kafka-" });
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const [port, saslPort, controllerPort, proxiedPort] = Array.from(
    { length: KAFKA_PORTS },
    (_, index) => home === undefined ? freePort() : home.port + index,
  ) as [number, number, number, number];
  const advertisedPort = proxyPort ?? proxiedPort;
  const configFile = join(directory, "server.properties");
  await Deno.writeTextFile(
    configFile,
    [
      properties(directory, {
        port,
        saslPort,
        controllerPort,
        proxiedPort,
        proxyPort: advertisedPort,
      }),
      ...settings,
    ].join("\n"),
  );
  // A fast start and little memory matter more here than peak speed.
  const light = ["-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classPath];
  const archived = usingArchive(await classArchive(java, classPath));
  await formatDirectory([java, ...archived, ...light], configFile, ["--standalone"]);

  const brokers = [`127.0.0.1:${port}`];
  const process = new ServerProcess({
    command: [java, ...(flags ?? archived), ...light, "kafka.Kafka", configFile],
    logFile: join(directory, "log"),
    stopSignal: "SIGTERM",
    isReady: () => answers(brokers),
  });
  await process.start();
  return {
    brokers,
    saslBrokers: [`127.0.0.1:${saslPort}`],
    dataDirectory: join(directory, DATA),
    proxiedPort,
    proxyPort: advertisedPort,
    stop: () => process.stop(),
    kill: () => process.kill(),
    start: () => process.start(),
    pause: () => process.pause(),
    resume: () => process.resume(),
    async remove() {
      if (home !== undefined) return await process.stop();
      await process.kill();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Makes the archive of classes that brokers start with, which takes a start and an end of one. */
export async function prepareKafka(): Promise<void> {
  const [java, classPath] = await Promise.all([javaBinary(), kafkaClassPath()]);
  await makeArchive(await classArchive(java, classPath), async (jvm) => {
    const broker = await startKafka({ jvm });
    await broker.stop();
    await broker.remove();
  });
}

interface Ports {
  readonly port: number;
  readonly saslPort: number;
  readonly controllerPort: number;
  readonly proxiedPort: number;
  readonly proxyPort: number;
}

function properties(directory: string, ports: Ports): string {
  const { port, saslPort, controllerPort, proxiedPort, proxyPort } = ports;
  const listeners = `PLAINTEXT://127.0.0.1:${port},SASL_PLAINTEXT://127.0.0.1:${saslPort}`;
  return [
    "process.roles=broker,controller",
    "node.id=1",
    `listeners=${listeners},PROXIED://127.0.0.1:${proxiedPort},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=${listeners},PROXIED://127.0.0.1:${proxyPort},CONTROLLER://127.0.0.1:${controllerPort}`,
    "controller.listener.names=CONTROLLER",
    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,PROXIED:PLAINTEXT," +
    "CONTROLLER:PLAINTEXT",
    `controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}`,
    "sasl.enabled.mechanisms=PLAIN",
    "listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule " +
    'required user_tester="kafka-secret" user_limited="kafka-secret";',
    `log.dirs=${join(directory, DATA)}`,
    "num.partitions=3",
    "default.replication.factor=1",
    "offsets.topic.num.partitions=1",
    "offsets.topic.replication.factor=1",
    "transaction.state.log.num.partitions=1",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "share.coordinator.state.topic.num.partitions=1",
    "share.coordinator.state.topic.replication.factor=1",
    "share.coordinator.state.topic.min.isr=1",
    "group.initial.rebalance.delay.ms=0",
    "log.cleaner.dedupe.buffer.size=4194304",
    // How often it looks for topics to compact.
    "log.cleaner.backoff.ms=500",
  ].join("\n");
}

/** Prepares the directory of a broker. @param flags More of the tool. */
export async function formatDirectory(
  [java, ...jvm]: readonly string[],
  configFile: string,
  flags: readonly string[],
): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(java!, {
    args: [
      ...jvm,
      "kafka.tools.StorageTool",
      "format",
      "--ignore-formatted",
      ...flags,
      "-t",
      "dmFidXMtdGVzdC1jbHVzdA",
      "-c",
      configFile,
    ],
  }).output();
  const text = new TextDecoder();
  if (!success) {
    throw new Error(`Kafka's directory was not formatted:\n${text.decode(stdout)}${text.decode(stderr)}`);
  }
}

async function answers(brokers: string[]): Promise<boolean> {
  const retry = { initialRetryTime: 10, retries: 2 };
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry }).admin();
  try {
    await admin.connect();
    // This succeeds once the group coordinator has loaded, which is ready last.
    await admin.fetchOffsets({ groupId: "readiness-of-the-tests" });
    return true;
  } catch {
    return false;
  } finally {
    await admin.disconnect();
  }
}

/** Brokers that run already, to be left as they are. */
export function externalCluster(brokers: string[]): KafkaBroker {
  const refuse = () => Promise.reject(new Error("These brokers are not this test's to stop."));
  return {
    brokers,
    saslBrokers: [],
    dataDirectory: "",
    proxiedPort: portOf(brokers[0]!),
    proxyPort: portOf(brokers[0]!),
    stop: refuse,
    kill: refuse,
    start: refuse,
    pause: refuse,
    resume: refuse,
    remove: () => Promise.resolve(),
  };
}

function portOf(address: string): number {
  return Number(address.split(":")[1]);
}
