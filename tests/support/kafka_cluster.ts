import { join } from "node:path";
import type { Admin } from "kafkajs";
import { javaBinary, kafkaClassPath } from "../../scripts/servers.ts";
import { classArchive, usingArchive } from "./class_archive.ts";
import { until } from "./executable.ts";
import { freePort } from "./free_port.ts";
import { formatDirectory, kafkaClient } from "./kafka_broker.ts";
import { ServerProcess } from "./server_process.ts";

const HOST = "127.0.0.1";
/** Fast starts and little memory matter more here than peak speed. */
const LIGHT = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/** One broker of a cluster. */
export interface ClusterNode {
  /** From 1 on. */
  readonly id: number;
  readonly address: string;
  readonly process: ServerProcess;
}

/** Three brokers that are the controllers, too. All that they make has three replicas. */
export class KafkaCluster implements AsyncDisposable {
  private constructor(
    readonly nodes: readonly ClusterNode[],
    private readonly owned: AsyncDisposableStack,
  ) {}

  static async start(): Promise<KafkaCluster> {
    await using stack = new AsyncDisposableStack();
    const [java, classes] = await Promise.all([javaBinary(), kafkaClassPath()]);
    const directory = await Deno.makeTempDir({ prefix: "vabus-cluster-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const jvm = [java, ...usingArchive(await classArchive(java, classes)), ...LIGHT, "-cp", classes];
    const members = [1, 2, 3].map((id) => ({ id, port: freePort(), controllerPort: freePort() }));
    const voters = members.map(({ id, controllerPort }) => `${id}@${HOST}:${controllerPort}`);
    const nodes = await Promise.all(members.map(async (member) => {
      const home = join(directory, `${member.id}`);
      await Deno.mkdir(home);
      const configFile = join(home, "server.properties");
      await Deno.writeTextFile(configFile, propertiesOf(member, home, voters).join("\n"));
      await formatDirectory(jvm, configFile, []);
      const process = new ServerProcess({
        command: [...jvm, "kafka.Kafka", configFile],
        logFile: join(home, "log"),
        stopSignal: "SIGTERM",
        isReady: () => listens(member.port),
      });
      stack.defer(() => process.kill());
      return { id: member.id, address: `${HOST}:${member.port}`, process };
    }));
    await Promise.all(nodes.map(({ process }) => process.start()));
    const cluster = new KafkaCluster(nodes, stack.move());
    await until(async () => await cluster.brokerCount() === nodes.length, "all brokers");
    return cluster;
  }

  get brokers(): string[] {
    return this.nodes.map(({ address }) => address);
  }

  /** Resolves once each partition of a topic has all of its replicas in step. */
  async whole(topic: string): Promise<void> {
    await this.withAdmin((admin) =>
      until(async () => {
        const { topics: [found] } = await admin.fetchTopicMetadata({ topics: [topic] });
        return found!.partitions.every(({ isr }) => isr.length === this.nodes.length);
      }, `all replicas of ${topic}`)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.owned[Symbol.asyncDispose]();
  }

  private async brokerCount(): Promise<number> {
    return await this.withAdmin(async (admin) => (await admin.describeCluster()).brokers.length);
  }

  private async withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = kafkaClient(this.brokers).admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }
}

interface Member {
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
}

function propertiesOf(
  { controllerPort, id, port }: Member,
  home: string,
  voters: readonly string[],
): string[] {
  const listeners = `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort}`;
  return [
    "process.roles=broker,controller",
    `node.id=${id}`,
    `listeners=${listeners}`,
    "controller.listener.names=CONTROLLER",
    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    `controller.quorum.voters=${voters}`,
    `log.dirs=${join(home, "data")}`,
    "num.partitions=6",
    "default.replication.factor=3",
    "min.insync.replicas=2",
    // Several, so that coordinators are spread.
    "offsets.topic.num.partitions=5",
    "offsets.topic.replication.factor=3",
    "transaction.state.log.num.partitions=5",
    "transaction.state.log.replication.factor=3",
    "transaction.state.log.min.isr=2",
    // Leaders move back soon after their broker is there again.
    "leader.imbalance.check.interval.seconds=3",
    "leader.imbalance.per.broker.percentage=0",
    "group.initial.rebalance.delay.ms=0",
    "log.cleaner.dedupe.buffer.size=4194304",
  ];
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: HOST, port })).close();
    return true;
  } catch {
    return false;
  }
}
