import { Bus, handlerEnvironment } from "../tests/e2e/plant.ts";
import { pause, Program, temporaryDirectory, until } from "../tests/support/executable.ts";
import type { TimedSink } from "./latency_sinks.ts";
import { PUBLISH_BATCH_SIZE } from "./throughput.ts";

const WINDOW_MS = 1000;
const TIMEOUT_MS = 60_000;

/** Events that come all the time: `names` of them, each so many milliseconds. */
export interface Stream {
  readonly names: number;
  readonly everyMs: number;
}

export interface Delays {
  /** Of each row, milliseconds. */
  readonly rowsMs: readonly number[];
  /** How many events were published, each second. */
  readonly eventsPerSecond: number;
}

/**
 * Times from the publication of the event that closes a window to each of its rows being in the sink. Windows
 * of one second, no lateness, events in real time.
 */
export async function measureCloseToRow(
  sink: TimedSink,
  { everyMs, names }: Stream,
  windowCount: number,
  checkpointIntervalSeconds: number,
): Promise<Delays> {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  await using handler = Program.start(
    ["run"],
    handlerEnvironment(bus.url, directory.path, {
      ...sink.settings,
      VABUS_BATCH_SIZE: `${PUBLISH_BATCH_SIZE}`,
      AGGREGATION_INTERVAL: `${WINDOW_MS / 1000}`,
      ALLOWED_LATENESS: "0",
      CHECKPOINT_INTERVAL: `${checkpointIntervalSeconds}`,
      IDLE_TIMEOUT: "60",
    }),
  );

  /** Window end → when the first event at or after it was published, Unix ms. */
  const closedAtMs = new Map<number, number>();
  const heads = Array.from({ length: names }, (_, i) => `{"name":"sensor${i}","value":1,"timestamp":`);
  const publish = async () => {
    const nowMs = Date.now();
    const endMs = Math.floor(nowMs / WINDOW_MS) * WINDOW_MS;
    if (!closedAtMs.has(endMs)) closedAtMs.set(endMs, nowMs);
    await bus.publishBatch(`[${heads.map((head) => `${head}${nowMs / 1000}}`).join(",")}]`);
  };
  // The first rows show that everything is running and warm. Their windows do not count.
  await until(
    async () => {
      await publish();
      return (await sink.rows()).length > 0;
    },
    "the first rows",
    TIMEOUT_MS,
    [handler],
  );
  await publish();
  closedAtMs.clear();
  const startedMs = performance.now();
  let published = 0;
  while (closedAtMs.size <= windowCount) {
    await publish();
    published++;
    await pause(Math.max(published * everyMs - (performance.now() - startedMs), 0));
  }
  const eventsPerSecond = published * names / ((performance.now() - startedMs) / 1000);
  const last = Math.max(...closedAtMs.keys());
  closedAtMs.delete(last);
  // The window that was open when counting began may have been closed before it.
  closedAtMs.delete(Math.min(...closedAtMs.keys()));
  const counted = async () => (await sink.rows()).filter(({ endMs }) => closedAtMs.has(endMs));
  await until(
    async () => (await counted()).length === closedAtMs.size * names,
    "the last rows",
    TIMEOUT_MS,
    [handler],
  );
  const rowsMs = (await counted()).map(({ arrivedMs, endMs }) => arrivedMs - closedAtMs.get(endMs)!);
  return { rowsMs, eventsPerSecond };
}
