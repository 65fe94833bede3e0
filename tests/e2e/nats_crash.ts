import { NatsStream } from "../sources/nats/nats_stream.ts";
import { temporaryDirectory } from "../support/executable.ts";
import { NatsServerProcess } from "../support/nats_server.ts";
import { type BusRun, busThroughKills } from "./bus_crash.ts";
import { serverTls } from "./server_tls.ts";

const STREAM = "PLANT";

/** The handler reads a stream of NATS, see {@link busThroughKills}. */
export async function natsThroughKills(run: BusRun): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const files = run.hasTls ? await serverTls(directory.path) : undefined;
  const server = stack.use(
    await NatsServerProcess.start(
      files && {
        settings: `tls { cert_file: "${files.certFile}", key_file: "${files.keyFile}" }`,
        tls: { ca: await Deno.readTextFile(files.caFile), cert: undefined, key: undefined },
      },
    ),
  );
  const scheme = files === undefined ? "nats" : "natss";
  return await busThroughKills({
    environment: {
      VABUS_URL: `${scheme}://127.0.0.1:${server.port}/${STREAM}`,
      ...(files !== undefined && { VABUS_CA_FILE: files.caFile }),
    },
    whenEmpty: /there is no stream PLANT, or not any more/,
    whenFilled: /NATS, stream PLANT has \d+ messages/,
    async publish(texts) {
      const stream = await NatsStream.create(server, {}, STREAM);
      await stream.publish(...texts.map((body) => ({ subject: "a", body })));
      stream.leave();
    },
    restart: () => server.restart(),
  }, run);
}
