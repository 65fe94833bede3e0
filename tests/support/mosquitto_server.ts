import { join } from "node:path";
import { mosquittoBinary } from "../../scripts/servers.ts";
import { until } from "./executable.ts";
import { freePort } from "./free_port.ts";
import { ServerProcess } from "./server_process.ts";

/** A real Mosquitto with its own directory, on one port over all its lives. */
export class MosquittoServer {
  private constructor(
    readonly port: number,
    readonly directory: string,
    private readonly process: ServerProcess,
  ) {}

  /**
   * @param lines More lines of its configuration. A user file and rights may be named by them, and another
   * listener.
   */
  static async start(lines: readonly string[] = ["allow_anonymous true"]): Promise<MosquittoServer> {
    const directory = await Deno.makeTempDir({ prefix: "vabus-mosquitto-" });
    const port = freePort();
    const configFile = join(directory, "mosquitto.conf");
    const config = [
      `listener ${port} 127.0.0.1`,
      // As root, it would become another user, who may not write here.
      ...(Deno.uid() === 0 ? ["user root"] : []),
      "persistence true",
      `persistence_location ${directory}/`,
      // It keeps what no client has acknowledged, and drops nothing.
      "max_queued_messages 0",
      // With 0, it gives ids to more messages than there are ids.
      "max_inflight_messages 5000",
      ...lines,
    ];
    await Deno.writeTextFile(configFile, `${config.join("\n")}\n`);
    const process = new ServerProcess({
      command: [await mosquittoBinary(), "-c", configFile],
      logFile: join(directory, "mosquitto.log"),
      stopSignal: "SIGTERM",
      isReady: () => listens(port),
    });
    await process.start();
    return new MosquittoServer(port, directory, process);
  }

  /** Where a source finds filters. */
  url(filters: string): string {
    return `mqtt://127.0.0.1:${this.port}/${filters}`;
  }

  /** Ends it as `systemctl stop` does: it writes down what it has. */
  async stop(): Promise<void> {
    await this.process.stop();
  }

  /** Has it write down what it has. */
  async save(): Promise<void> {
    const file = join(this.directory, "mosquitto.db");
    const inode = async () => (await Deno.stat(file).catch(() => undefined))?.ino;
    const before = await inode();
    Deno.kill(this.process.pid, "SIGUSR1");
    // It writes another file and renames that.
    await until(async () => ![before, undefined].includes(await inode()), "Mosquitto to write down");
  }

  /** `kill -9`: it is then as it was when it last wrote down what it has. */
  async kill(): Promise<void> {
    await this.process.kill();
  }

  /** Starts it again, with what it has written down. */
  async startAgain(): Promise<void> {
    await this.process.start();
  }

  /** Makes it forget all sessions and messages, as a broker without persistence does at each start. */
  async forget(): Promise<void> {
    await this.process.kill();
    await Deno.remove(join(this.directory, "mosquitto.db")).catch(() => {});
    await this.process.start();
  }

  async remove(): Promise<void> {
    await this.process.kill();
    await Deno.remove(this.directory, { recursive: true });
  }
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
