import { join } from "node:path";
import { redisBinaries } from "../../scripts/servers.ts";
import { RedisConnection } from "../../src/sources/redis/redis_connection.ts";
import { systemClock } from "../../src/platform/clock/clock.ts";
import { freePort } from "./free_port.ts";
import { ServerProcess } from "./server_process.ts";

const NEVER = new AbortController().signal;

/** A real Redis on 127.0.0.1 that loses no write it has confirmed. */
export class RedisServerProcess implements AsyncDisposable {
  private constructor(
    readonly port: number,
    private readonly directory: string,
    private readonly process: ServerProcess,
  ) {}

  /** @param settings More settings, one a line as in `redis.conf`. @param password What it asks for. */
  static async start(settings: readonly string[] = [], password?: string): Promise<RedisServerProcess> {
    const { server } = await redisBinaries();
    return await RedisServerProcess.run(
      server,
      [
        "appendonly yes",
        "appendfsync always",
        'save ""',
        "enable-debug-command local",
        "repl-diskless-sync-delay 0",
        ...(password === undefined ? [] : [`requirepass ${password}`]),
        ...settings,
      ],
      password,
    );
  }

  /** A Sentinel that watches a master. It needs nobody's consent. */
  static async startSentinel(name: string, masterPort: number): Promise<RedisServerProcess> {
    const { sentinel } = await redisBinaries();
    return await RedisServerProcess.run(sentinel, [`sentinel monitor ${name} 127.0.0.1 ${masterPort} 1`]);
  }

  private static async run(
    program: string,
    settings: readonly string[],
    password?: string,
  ): Promise<RedisServerProcess> {
    const port = freePort();
    const directory = await Deno.makeTempDir({ prefix: "vabus-redis-" });
    const configFile = join(directory, "redis.conf");
    const own = ["bind 127.0.0.1", `port ${port}`, `dir "${directory}"`, ...settings, ""];
    await Deno.writeTextFile(configFile, own.join("\n"));
    const login = password === undefined ? undefined : { username: undefined, password };
    const process = new ServerProcess({
      command: [program, configFile],
      logFile: join(directory, "log"),
      stopSignal: "SIGTERM",
      isReady: async () => {
        try {
          const connection = await connectToRedis(port, login);
          await connection.ask(["PING"]);
          connection.close();
          return true;
        } catch {
          return false;
        }
      },
    });
    await process.start();
    return new RedisServerProcess(port, directory, process);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async restart(): Promise<void> {
    await this.process.kill();
    await this.process.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** A connection for tests, without TLS. */
export function connectToRedis(
  port: number,
  login?: { readonly username: string | undefined; readonly password: string },
): Promise<RedisConnection> {
  const access = { tls: undefined, login, database: 0 };
  return RedisConnection.open({ host: "127.0.0.1", port }, access, systemClock, NEVER);
}
