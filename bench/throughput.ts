import { Bus, handlerEnvironment } from "../tests/e2e/plant.ts";
import { pause, Program, temporaryDirectory, until } from "../tests/support/executable.ts";
import { freePort } from "../tests/support/free_port.ts";
import { FaultyServer, respondAsBus } from "../tests/support/http_faults.ts";
import { peerCommand } from "./peer_runtime.ts";
import { cpuSeconds, peakResidentBytes } from "./process_usage.ts";
import { type Workload, workloadBatches } from "./workload.ts";

/** Events of a request to the bus. */
export const PUBLISH_BATCH_SIZE = 10_000;
const TIMEOUT_MS = 600_000;
/**
 * Longer than the checkpoint interval, so that the last checkpoint is measured. Idling costs nearly nothing.
 */
const LAST_CHECKPOINT_MS = 1500;

export interface Usage {
  readonly eventsPerCpuSecond: number;
  readonly peakBytes: number;
}

/** The CPU time of the peer for the file. */
export async function measurePeer(workload: Workload): Promise<Usage> {
  const [command, ...args] = peerCommand(workload);
  const { success, stdout } = await new Deno.Command(command, { args, stdin: "null", stderr: "inherit" })
    .output();
  if (!success) throw new Error("the peer failed");
  const result = JSON.parse(new TextDecoder().decode(stdout));
  if (result.events !== workload.eventCount) throw new Error(`the peer saw ${result.events} events`);
  return { eventsPerCpuSecond: result.events / result.cpuSeconds, peakBytes: result.peakBytes };
}

/** A bus with the whole workload in memory. */
export async function loadBus(workload: Workload): Promise<Bus> {
  const [bus] = await loadBuses(workload, 1);
  return bus!;
}

/** So many buses, each with its share of the workload. */
export async function loadBuses(workload: Workload, count: number): Promise<Bus[]> {
  const buses = await Promise.all(Array.from({ length: count }, () => Bus.start()));
  let next = 0;
  for await (const batch of workloadBatches(workload, PUBLISH_BATCH_SIZE)) {
    await buses[next++ % count]!.publishBatch(batch);
  }
  return buses;
}

/**
 * The CPU time of the handler from its first fetch until every event is received and in a checkpoint. The
 * time of the start is measured before, and subtracted.
 */
export async function measureHandler(
  workload: Workload,
  bus: Bus,
  sink: Readonly<Record<string, string>>,
): Promise<Usage> {
  const startCpuSeconds = await measureStart();
  await using directory = await temporaryDirectory();
  const listen = `127.0.0.1:${freePort()}`;
  await using handler = Program.start(
    ["run"],
    environmentOf(bus.url, directory.path, { ...sink, HTTP_LISTEN: listen }),
  );
  await until(
    async () => await receivedEvents(listen) >= workload.eventCount,
    `${workload.eventCount} events to be received`,
    TIMEOUT_MS,
    [handler],
  );
  await pause(LAST_CHECKPOINT_MS);
  const usedCpuSeconds = cpuSeconds(handler.pid) - startCpuSeconds;
  const peakBytes = peakResidentBytes(handler.pid);
  await handler.stop();
  return { eventsPerCpuSecond: workload.eventCount / usedCpuSeconds, peakBytes };
}

/** CPU time up to the first fetch, seconds. */
async function measureStart(): Promise<number> {
  await using directory = await temporaryDirectory();
  let used: number | undefined;
  await using server = FaultyServer.start((request) => {
    if (request.path === "/events") used ??= cpuSeconds(handler.pid);
    return respondAsBus(request, []);
  });
  await using handler = Program.start(["run"], environmentOf(server.url, directory.path, {}));
  return await until(() => used, "the first fetch", TIMEOUT_MS, [handler]);
}

function environmentOf(
  busUrl: string,
  directory: string,
  more: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return handlerEnvironment(busUrl, directory, {
    VABUS_BATCH_SIZE: `${PUBLISH_BATCH_SIZE}`,
    AGGREGATION_INTERVAL: "60",
    IDLE_TIMEOUT: "10",
    ...more,
  });
}

async function receivedEvents(listen: string): Promise<number> {
  const reply = await fetch(`http://${listen}/metrics`);
  const text = await reply.text();
  return Number(/^vabus_handler_events_received_total (\S+)$/m.exec(text)?.[1] ?? 0);
}
