/**
 * How long a handler that was stopped takes until its SUBSCRIBE goes to a real Mosquitto. Several executables
 * take turns, and the quartiles of each are told:
 *
 * `scripts/deno.sh run --allow-all bench/mqtt_start.ts ROUNDS EXECUTABLE...`
 */
import { resolve } from "node:path";
import { handlerEnvironment } from "../tests/e2e/plant.ts";
import { Program, temporaryDirectory } from "../tests/support/executable.ts";
import { MosquittoServer } from "../tests/support/mosquitto_server.ts";

const SUBSCRIBE = 8;
const SEEN_AFTER_MS = 300;

/** Passes everything between handlers and a broker, and tells when a handler subscribes. */
class Relay {
  private readonly listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  private readonly joined: Promise<void>[] = [];
  private subscribed = Promise.withResolvers<number>();

  constructor(private readonly port: number) {
    this.joined.push(this.serve());
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.listener.addr.port}/plant/+`;
  }

  /** When the next SUBSCRIBE passes. */
  next(): Promise<number> {
    this.subscribed = Promise.withResolvers();
    return this.subscribed.promise;
  }

  async close(): Promise<void> {
    this.listener.close();
    await Promise.allSettled(this.joined);
  }

  private async serve(): Promise<void> {
    for await (const near of this.listener) this.joined.push(this.join(near));
  }

  private async join(near: Deno.TcpConn): Promise<void> {
    const far = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    for (const connection of [near, far]) connection.setNoDelay(true);
    // A handler subscribes once its CONNECT is answered. So the packet begins a piece.
    const watch = new TransformStream<Uint8Array, Uint8Array>({
      transform: (piece, to) => {
        if (piece[0]! >> 4 === SUBSCRIBE) this.subscribed.resolve(performance.now());
        to.enqueue(piece);
      },
    });
    await Promise.allSettled([
      near.readable.pipeThrough(watch).pipeTo(far.writable),
      far.readable.pipeTo(near.writable),
    ]);
  }
}

const [rounds, ...names] = Deno.args;
const broker = await MosquittoServer.start();
const relay = new Relay(broker.port);
try {
  await using home = await temporaryDirectory();
  const times = names.map((): number[] => []);
  // In the first round there is no position yet, so that no checkpoint is needed before the connection.
  for (let round = 0; round <= Number(rounds); round++) {
    for (const [i, name] of names.entries()) {
      const environment = handlerEnvironment(relay.url, `${home.path}/${i}`, {
        INSTANCE_ID: `start-${i}`,
        STORAGE_TYPE: "sqlite",
      });
      const subscribed = relay.next();
      const startedMs = performance.now();
      await using handler = Program.start(["run"], environment, resolve(name));
      const ms = await subscribed - startedMs;
      // The stop comes when the session was seen, so that the next start finds that.
      await new Promise((resolve) => setTimeout(resolve, SEEN_AFTER_MS));
      await handler.stop();
      if (round > 0) times[i]!.push(ms);
    }
  }
  const quartiles = (values: readonly number[]) => {
    const sorted = values.toSorted((a, b) => a - b);
    return [0.25, 0.5, 0.75].map((part) => sorted[Math.floor(sorted.length * part)]!.toFixed(1)).join(", ");
  };
  for (const [i, name] of names.entries()) {
    console.log(`${name}: ${quartiles(times[i]!)} ms`);
    const more = times[i]!.map((ms, round) => ms - times[0]![round]!);
    if (i > 0) console.log(`  more than the first in the same round: ${quartiles(more)} ms`);
  }
} finally {
  await relay.close();
  await broker.remove();
}
