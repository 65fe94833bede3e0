import { join } from "node:path";
import { flinkClassPath } from "../../scripts/flink.ts";
import { javaBinary } from "../../scripts/servers.ts";
import { freePort } from "./free_port.ts";
import { ServerProcess } from "./server_process.ts";

/** What Flink reaches into of the JVM, from version 17 on: as in the configuration that it ships with. */
const OPENED = [
  ...["java.rmi/sun.rmi.registry", "java.security.jgss/sun.security.krb5"].map((name) =>
    `--add-exports=${name}`
  ),
  ...["api", "file", "parser", "tree", "util"].map((name) =>
    `--add-exports=jdk.compiler/com.sun.tools.javac.${name}`
  ),
  ...[
    "java.lang",
    "java.net",
    "java.io",
    "java.nio",
    "sun.nio.ch",
    "java.lang.reflect",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
  ].map((name) => `--add-opens=java.base/${name}`),
].map((flag) => `${flag}=ALL-UNNAMED`);

/**
 * A property of the JVM: a busy machine takes longer than the 10 s of the default. Flink's own option,
 * `pekko.startup-timeout`, sets a name that Pekko no longer reads.
 */
export const LONG_STARTUP = "-Dpekko.remote.classic.startup-timeout=300s";

export interface FlinkOptions {
  /** Slots of the TaskManager: how many subtasks run at once. */
  readonly slots?: number;
  /** Of the heap of the TaskManager, MiB. */
  readonly heapMiB?: number;
  /** Files of the class path that it is to be without. */
  readonly without?: RegExp;
}

/** A Flink cluster on 127.0.0.1: a JobManager, one TaskManager and an SQL gateway, each a process. */
export class FlinkCluster implements AsyncDisposable {
  private constructor(
    /** Of the JobManager's REST API. */
    readonly restUrl: string,
    readonly gatewayUrl: string,
    readonly jobManager: ServerProcess,
    readonly taskManager: ServerProcess,
    private readonly gateway: ServerProcess,
    private readonly directory: string,
  ) {}

  static async start({ slots = 2, heapMiB = 512, without }: FlinkOptions = {}): Promise<FlinkCluster> {
    const [java, wholePath] = await Promise.all([javaBinary(), flinkClassPath()]);
    const classPath = wholePath.split(":").filter((file) => !without?.test(file)).join(":");
    const directory = await Deno.makeTempDir({ prefix: "vabus-flink-" });
    const [rpcPort, restPort, gatewayPort] = [freePort(), freePort(), freePort()];
    await Deno.writeTextFile(
      join(directory, "config.yaml"),
      configuration({ directory, rpcPort, restPort, gatewayPort, slots, heapMiB }),
    );
    const restUrl = `http://127.0.0.1:${restPort}`;
    const gatewayUrl = `http://127.0.0.1:${gatewayPort}`;
    const program = (name: string, heap: number, main: string[], isReady: () => Promise<boolean>) =>
      new ServerProcess({
        command: [
          java,
          ...[`-Xmx${heap}m`, "-XX:+UseSerialGC", "-XX:MaxMetaspaceSize=256m", LONG_STARTUP, ...OPENED],
          ...["-cp", classPath],
          ...main,
        ],
        env: { FLINK_CONF_DIR: directory },
        logFile: join(directory, `${name}.log`),
        stopSignal: "SIGTERM",
        isReady,
      });
    const jobManager = program("jobmanager", 384, [
      "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
      ...["--configDir", directory, "--executionMode", "cluster"],
    ], () => answers(`${restUrl}/overview`, () => true));
    const taskManager = program("taskmanager", heapMiB + 128, [
      "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
      ...["--configDir", directory],
    ], () => answers(`${restUrl}/overview`, (overview) => Number(overview["slots-total"]) >= slots));
    const gateway = program("gateway", 384, [
      "org.apache.flink.table.gateway.SqlGateway",
    ], () => answers(`${gatewayUrl}/info`, () => true));
    const cluster = new FlinkCluster(restUrl, gatewayUrl, jobManager, taskManager, gateway, directory);
    try {
      await jobManager.start();
      await Promise.all([taskManager.start(), gateway.start()]);
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What a process has logged. */
  async log(of: "jobmanager" | "taskmanager" | "gateway"): Promise<string> {
    return await Deno.readTextFile(join(this.directory, `${of}.log`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.gateway, this.taskManager, this.jobManager].map((process) => process.kill()));
    await Deno.remove(this.directory, { recursive: true });
  }
}

function configuration(
  { directory, rpcPort, restPort, gatewayPort, slots, heapMiB }: {
    directory: string;
    rpcPort: number;
    restPort: number;
    gatewayPort: number;
    slots: number;
    heapMiB: number;
  },
): string {
  return [
    "jobmanager.rpc.address: 127.0.0.1",
    "jobmanager.bind-host: 127.0.0.1",
    `jobmanager.rpc.port: ${rpcPort}`,
    "rest.address: 127.0.0.1",
    "rest.bind-address: 127.0.0.1",
    `rest.port: ${restPort}`,
    "taskmanager.host: 127.0.0.1",
    "taskmanager.bind-host: 127.0.0.1",
    `taskmanager.numberOfTaskSlots: ${slots}`,
    // Without Flink's own shell scripts, the shares of the memory must be there.
    `taskmanager.cpu.cores: ${slots}`,
    `taskmanager.memory.task.heap.size: ${heapMiB}m`,
    "taskmanager.memory.task.off-heap.size: 0m",
    "taskmanager.memory.framework.heap.size: 128m",
    "taskmanager.memory.framework.off-heap.size: 128m",
    "taskmanager.memory.network.min: 64m",
    "taskmanager.memory.network.max: 64m",
    "taskmanager.memory.managed.size: 64m",
    "taskmanager.memory.jvm-metaspace.size: 256m",
    "taskmanager.memory.jvm-overhead.min: 128m",
    "taskmanager.memory.jvm-overhead.max: 128m",
    "taskmanager.resource-id: tm",
    // A TaskManager that was killed is given up soon.
    "heartbeat.interval: 1000",
    "heartbeat.timeout: 6000",
    "sql-gateway.endpoint.rest.address: 127.0.0.1",
    "sql-gateway.endpoint.rest.bind-address: 127.0.0.1",
    `sql-gateway.endpoint.rest.port: ${gatewayPort}`,
    `io.tmp.dirs: ${join(directory, "tmp")}`,
    `process.working-dir: ${join(directory, "work")}`,
    `execution.checkpointing.dir: file://${join(directory, "checkpoints")}`,
    `execution.checkpointing.savepoint-dir: file://${join(directory, "stops")}`,
    "",
  ].join("\n");
}

async function answers(url: string, isReady: (body: Record<string, unknown>) => boolean): Promise<boolean> {
  try {
    return isReady(await (await fetch(url)).json());
  } catch {
    return false;
  }
}
