import { join } from "node:path";
import { natsBinary } from "../../scripts/servers.ts";
import { systemClock } from "../../src/platform/clock/clock.ts";
import type { ServerAddress, TlsTexts } from "../../src/platform/net/server_socket.ts";
import { NatsConnection } from "../../src/sources/nats/nats_connection.ts";
import type { NatsLogin } from "../../src/sources/nats/nats_login.ts";
import { freePort } from "./free_port.ts";
import { ServerProcess } from "./server_process.ts";

const NEVER = new AbortController().signal;

export interface NatsServerOptions {
  /** More settings, as in `nats-server.conf`. */
  readonly settings?: string;
  /** The domain of its JetStream. */
  readonly domain?: string;
  /** Whether a message may be confirmed before it is on disk: a measurement kills no server. */
  readonly isQuick?: boolean;
  /** What the tests themselves log in with. */
  readonly login?: NatsLogin;
  readonly tls?: TlsTexts;
}

/** A real NATS with JetStream on 127.0.0.1 that loses no message it has confirmed. */
export class NatsServerProcess implements AsyncDisposable {
  private constructor(
    readonly port: number,
    private readonly directory: string,
    private readonly process: ServerProcess,
    private readonly options: NatsServerOptions,
  ) {}

  static async start(options: NatsServerOptions = {}): Promise<NatsServerProcess> {
    const program = await natsBinary();
    const port = freePort();
    const directory = await Deno.makeTempDir({ prefix: "vabus-nats-" });
    const configFile = join(directory, "nats.conf");
    await Deno.writeTextFile(
      configFile,
      `listen: 127.0.0.1:${port}\nmax_payload: 8MB\n` +
        `jetstream { store_dir: ${JSON.stringify(join(directory, "data"))}, sync_interval: ${
          options.isQuick ? "2m" : "always"
        }` +
        `${options.domain === undefined ? "" : `, domain: ${options.domain}`} }\n` +
        `${options.settings ?? ""}\n`,
    );
    const process = new ServerProcess({
      command: [program, "-c", configFile],
      logFile: join(directory, "log"),
      stopSignal: "SIGTERM",
      isReady: async () => {
        try {
          (await connectToNats(port, options)).close();
          return true;
        } catch {
          return false;
        }
      },
    });
    await process.start();
    return new NatsServerProcess(port, directory, process, options);
  }

  get address(): ServerAddress {
    return { host: "127.0.0.1", port: this.port };
  }

  connect(): Promise<NatsConnection> {
    return connectToNats(this.port, this.options);
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.process.kill();
  }

  /** `kill -9`, and started again on its data. */
  async restart(): Promise<void> {
    await this.process.kill();
    await this.process.start();
  }

  /** Runs `change`, and then comes back with the data from before it, as from a backup. */
  async undo(change: () => Promise<void>): Promise<void> {
    await this.process.kill();
    const [data, copy] = [join(this.directory, "data"), join(this.directory, "copy")];
    await copyTree(data, copy);
    await this.process.start();
    await change();
    await this.process.kill();
    await Deno.remove(data, { recursive: true });
    await Deno.rename(copy, data);
    await this.process.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill();
    await Deno.remove(this.directory, { recursive: true });
  }
}

function connectToNats(port: number, { login, tls }: NatsServerOptions): Promise<NatsConnection> {
  return NatsConnection.open({ host: "127.0.0.1", port }, { tls, login }, systemClock, NEVER);
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    await (isDirectory ? copyTree : Deno.copyFile)(join(from, name), join(to, name));
  }
}
