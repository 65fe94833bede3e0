import { directoryObstacle } from "../platform/file/write_obstacle.ts";
import { CommandError, EXIT } from "./exit.ts";

/**
 * Creates a directory for this user alone, unless it exists. @throws {CommandError} It cannot be created;
 * `flag` has named it.
 */
export function makeOwnDirectory(flag: string, path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable(flag, path, directoryObstacle(path) ?? (error as Error).message);
  }
  const obstacle = directoryObstacle(path);
  if (obstacle !== undefined) throw unusable(flag, path, obstacle);
}

function unusable(flag: string, path: string, obstacle: string): CommandError {
  return new CommandError(
    EXIT.failed,
    `${flag} ${path} cannot be used: ${obstacle}. Give another directory.`,
  );
}
