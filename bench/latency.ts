import postgres from "postgres";
import { Bus, handlerEnvironment } from "../tests/e2e/plant.ts";
import { pause, Program, temporaryDirectory, until } from "../tests/support/executable.ts";
import { startPostgres } from "../tests/support/postgres_server.ts";

const NAMES = 10;
const PUBLISH_EVERY_MS = 10;
const WINDOW_MS = 1000;
const TIMEOUT_MS = 60_000;

/**
 * Milliseconds from the publication of the event that closes a window to the `written_at` of each of its rows
 * in PostgreSQL, which is the beginning of the writing transaction. Windows of one second, no lateness,
 * events in real time.
 */
export async function measureCloseToRow(
  windowCount: number,
  checkpointIntervalSeconds: number,
): Promise<number[]> {
  await using servers = new AsyncDisposableStack();
  const server = await startPostgres();
  servers.defer(() => server.remove());
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  await using handler = Program.start(
    ["run"],
    handlerEnvironment(bus.url, directory.path, {
      STORAGE_TYPE: "postgres",
      POSTGRES_CONNECTION_STRING: server.url,
      POSTGRES_TABLE: "close_to_row",
      AGGREGATION_INTERVAL: `${WINDOW_MS / 1000}`,
      ALLOWED_LATENESS: "0",
      CHECKPOINT_INTERVAL: `${checkpointIntervalSeconds}`,
      IDLE_TIMEOUT: "60",
    }),
  );
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  servers.defer(() => sql.end({ timeout: 1 }));

  /** Window end → when the first event at or after it was published, Unix ms. */
  const closedAtMs = new Map<number, number>();
  const rowsOf = async () =>
    await sql<{ endMs: number; writtenMs: number }[]>`
      SELECT (extract(epoch FROM window_end) * 1000)::float8 AS "endMs",
        (extract(epoch FROM written_at) * 1000)::float8 AS "writtenMs"
      FROM close_to_row`.catch(() => []);
  const publish = async () => {
    const nowMs = Date.now();
    const endMs = Math.floor(nowMs / WINDOW_MS) * WINDOW_MS;
    if (!closedAtMs.has(endMs)) closedAtMs.set(endMs, nowMs);
    const events = Array.from(
      { length: NAMES },
      (_, i) => `{"name":"sensor${i}","value":1,"timestamp":${nowMs / 1000}}`,
    );
    await bus.publishBatch(`[${events.join(",")}]`);
  };
  // The first rows show that everything is running and warm. Their windows do not count.
  await until(
    async () => {
      await publish();
      return (await rowsOf()).length > 0;
    },
    "the first rows",
    TIMEOUT_MS,
    [handler],
  );
  closedAtMs.clear();
  await publish();
  closedAtMs.clear();
  while (closedAtMs.size <= windowCount) {
    await publish();
    await pause(PUBLISH_EVERY_MS);
  }
  const last = Math.max(...closedAtMs.keys());
  closedAtMs.delete(last);
  // The window that was open when counting began may have been closed before it.
  closedAtMs.delete(Math.min(...closedAtMs.keys()));
  const counted = async () => (await rowsOf()).filter((row) => closedAtMs.has(row.endMs));
  await until(
    async () => (await counted()).length === closedAtMs.size * NAMES,
    "the last rows",
    TIMEOUT_MS,
    [handler],
  );
  return (await counted()).map((row) => row.writtenMs - closedAtMs.get(row.endMs)!);
}
