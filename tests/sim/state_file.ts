import { DatabaseSync } from "node:sqlite";
import { StateDatabase } from "../../src/state/file/state_database.ts";

/** The state as others than the handler find it in its directory. */
export class StateFile {
  constructor(readonly directory: string) {}

  /** Whether the handler has made a state yet. */
  get exists(): boolean {
    try {
      return Deno.statSync(this.path).isFile;
    } catch {
      return false;
    }
  }

  /** Reads the state as the product does; undefined: there is none yet. */
  read<T>(query: (state: StateDatabase) => T): T | undefined {
    if (!this.exists) return undefined;
    const state = StateDatabase.openForReading(this.directory);
    try {
      return query(state);
    } finally {
      state.close();
    }
  }

  /** Reads the state without the checks of the product, which take long; undefined: there is none yet. */
  glance<T>(query: (state: DatabaseSync) => T): T | undefined {
    if (!this.exists) return undefined;
    const state = new DatabaseSync(this.path, { readOnly: true });
    try {
      return query(state);
    } finally {
      state.close();
    }
  }

  private get path(): string {
    return `${this.directory}/state.sqlite`;
  }
}
