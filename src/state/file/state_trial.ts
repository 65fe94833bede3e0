import { writeObstacle } from "../../platform/file/write_obstacle.ts";
import { isFile } from "./durable_file.ts";
import { pendingRestoreOf } from "./pending_restore.ts";
import { SinkRegistry } from "../outbox/sink_registry.ts";
import type { ConfiguredSink } from "../outbox/registered_sink.ts";
import { StateDatabase } from "./state_database.ts";
import { assertTrusted, forbidden, STATE_FILE_NAME } from "./state_directory.ts";
import { stateNotWritable } from "./state_error.ts";
import { StateLock } from "./state_lock.ts";

/**
 * Tries everything that a start needs of a state directory, without changing anything, also while a handler
 * runs on it. Returns in a few words what is there.
 *
 * @param sinks The configured sinks.
 * @throws {StateError} The error that a start would throw.
 */
export function tryState(directory: string, instanceId: string, sinks: readonly ConfiguredSink[]): string {
  const path = `${directory}/${STATE_FILE_NAME}`;
  assertTrusted(directory, false);
  const obstacle = writeObstacle(path);
  if (obstacle !== undefined && /permission denied/.test(obstacle)) {
    throw forbidden(directory, new Error(obstacle));
  }
  if (obstacle !== undefined) throw stateNotWritable(directory, obstacle);
  if (isFile(pendingRestoreOf(path))) return `${directory}, a restore was interrupted; the start finishes it`;
  if (!isFile(path)) return `${directory}, there is none yet; one will be made`;
  const state = StateDatabase.openForReading(directory);
  try {
    state.checkOwner(instanceId);
    SinkRegistry.assertNoneStranded(state, sinks);
  } finally {
    state.close();
  }
  const holder = StateLock.holder(directory);
  return holder === undefined
    ? directory
    : `${directory}, held by ${holder}: a second handler cannot start on it, and what only its holder ` +
      "may do was not tried";
}
