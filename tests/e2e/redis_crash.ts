import { RedisStream } from "../sources/redis/redis_stream.ts";
import { temporaryDirectory } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { RedisServerProcess } from "../support/redis_server.ts";
import { type BusRun, busThroughKills } from "./bus_crash.ts";
import { serverTls } from "./server_tls.ts";

const KEY = "plant:readings";

/** The handler reads a stream of Redis, and trims it, see {@link busThroughKills}. */
export async function redisThroughKills(run: BusRun): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const files = run.hasTls ? await serverTls(directory.path) : undefined;
  const tlsPort = freePort();
  const settings = files && [
    `tls-port ${tlsPort}`,
    `tls-cert-file "${files.certFile}"`,
    `tls-key-file "${files.keyFile}"`,
    `tls-ca-cert-file "${files.caFile}"`,
    "tls-auth-clients no",
  ];
  const server = stack.use(await RedisServerProcess.start(settings));
  const base = files === undefined ? server.url : `rediss://127.0.0.1:${tlsPort}`;
  return await busThroughKills({
    environment: {
      VABUS_URL: `${base}/${KEY}?field=event&trim=true`,
      ...(files !== undefined && { VABUS_CA_FILE: files.caFile }),
    },
    whenEmpty: /there is no stream plant:readings, or not any more/,
    whenFilled: /Redis, stream plant:readings has \d+ entr/,
    async publish(texts) {
      const stream = await RedisStream.create(server, KEY);
      await stream.add(...texts.map((event) => ({ event })));
      stream.connection.close();
    },
    restart: () => server.restart(),
  }, run);
}
