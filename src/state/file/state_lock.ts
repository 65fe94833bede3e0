import { openOwn, readOwn } from "../../platform/file/regular_file.ts";
import { assertTrusted, toUntrusted } from "./state_directory.ts";
import { StateError } from "./state_error.ts";

export const LOCK_FILE_NAME = "lock";

/** Longer than the time for which {@link StateLock.isHeld} has the lock. */
const LOOK_MS = 50;

/**
 * Locks a state directory for this process. The lock is the operating system's (flock). It ends with the
 * process, however that ends, so nothing needs to be cleaned up after a crash.
 */
export class StateLock {
  /** The directories that this process has locked. */
  private static readonly ours = new Set<string>();

  private constructor(private readonly directory: string, private readonly file: Deno.FsFile) {}

  /** Whether this process has locked the directory. */
  static isOurs(directory: string): boolean {
    return StateLock.ours.has(directory);
  }

  /** @throws {StateError} `held`, with the process that has the directory. */
  static acquire(directory: string): StateLock {
    const path = `${directory}/${LOCK_FILE_NAME}`;
    const file = openLock(path, directory);
    if (!file.tryLockSync(true) && !retriedLock(file)) {
      const holder = new TextDecoder().decode(readOwn(path)).trim();
      file.close();
      throw new StateError(
        "held",
        `another process${holder && ` (pid ${holder})`} holds the state directory ${directory}. ` +
          "Stop it first, or give this one its own STATE_DIR and INSTANCE_ID.",
      );
    }
    file.truncateSync(0);
    file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
    StateLock.ours.add(directory);
    return new StateLock(directory, file);
  }

  /** Whether some process holds the directory now. */
  static isHeld(directory: string): boolean {
    return StateLock.holder(directory) !== undefined;
  }

  /** The process that holds the directory now, as `process 123`; undefined: none, or it is not known. */
  static holder(directory: string): string | undefined {
    const path = `${directory}/${LOCK_FILE_NAME}`;
    let file: Deno.FsFile;
    try {
      assertTrusted(directory, true);
      file = Deno.openSync(path, { read: true, write: true });
    } catch {
      return undefined;
    }
    try {
      return file.tryLockSync(true) ? undefined : `process ${Deno.readTextFileSync(path).trim()}`.trim();
    } finally {
      file.close();
    }
  }

  release(): void {
    StateLock.ours.delete(this.directory);
    this.file.close();
  }
}

function openLock(path: string, directory: string): Deno.FsFile {
  try {
    return openOwn(path);
  } catch (error) {
    throw toUntrusted(error, directory);
  }
}

/**
 * Tries once more after a moment. A process that only tests the lock has it that long, which must not prevent
 * a handler from starting.
 */
function retriedLock(file: Deno.FsFile): boolean {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  return file.tryLockSync(true);
}
