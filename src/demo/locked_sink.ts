import { systemClock } from "../platform/clock/clock.ts";
import { openDatabase } from "../platform/file/database.ts";

const POLL_MS = 20;

/** The file of an SQLite sink, locked as by a program that writes to it and does not end. */
export class LockedSink implements Disposable {
  private constructor(private readonly database: ReturnType<typeof openDatabase>) {}

  /** Locks it once it is there and the handler does not write. Undefined: the signal fires before that. */
  static async lock(path: string, signal: AbortSignal): Promise<LockedSink | undefined> {
    for (; !signal.aborted; await systemClock.sleep(POLL_MS, signal)) {
      if (!exists(path)) continue;
      const database = openDatabase(path);
      try {
        database.prepare("begin immediate").run();
        return new LockedSink(database);
      } catch (error) {
        database.close();
        if (!/locked|busy/i.test(String(error))) throw error;
      }
    }
    return undefined;
  }

  /** Unlocks it. Nothing in it has changed. */
  [Symbol.dispose](): void {
    this.database.close();
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).size > 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
