import { noteOrder, type Order } from "./audit.ts";
import { readSetting } from "./checkpoint/settings_in_force.ts";
import type { StateDatabase } from "./file/state_database.ts";
import { StateError } from "./file/state_error.ts";

/** A part of the handler that an operator can pause. */
export interface Pausable {
  readonly kind: "source" | "sink";
  readonly name: string;
}

/** A part that an operator has paused. */
export interface Pause extends Pausable {
  /** The operator. */
  readonly who: string;
  /** Unix ms. */
  readonly sinceMs: number;
}

/** Where the pauses are kept: among the settings in force, which a backup carries and a restart reads. */
const SETTING = "PAUSED";

/** The parts that are paused. @throws {StateError} What is stored cannot be read. */
export function readPauses(state: StateDatabase): Pause[] {
  const text = readSetting(state, SETTING);
  if (text === undefined) return [];
  try {
    const pauses: unknown = JSON.parse(text);
    if (Array.isArray(pauses) && pauses.every(isPause)) return pauses;
  } catch {
    // The error below says what is wrong.
  }
  throw new StateError(
    "damaged",
    `the state ${state.path} does not say what is paused in a form that this program knows. ` +
      "Restore it from a backup.",
  );
}

/** Stores which parts are paused, and the order, in one transaction. @throws {StateError} */
export function storePauses(
  state: StateDatabase,
  pauses: readonly Pause[],
  order: Order,
  result: string,
): void {
  state.transaction(() => {
    noteOrder(state, order, result);
    state.run("INSERT OR REPLACE INTO setting_in_force VALUES (?, ?)", SETTING, JSON.stringify(pauses));
  });
}

/** Whether a pause is that of a part. */
export function isOf(pause: Pause, { kind, name }: Pausable): boolean {
  return pause.kind === kind && pause.name === name;
}

/** A pause in words: `source NAME is paused by alice since 2026-01-31T06:00:00.000Z`. */
export function pauseInWords({ kind, name, who, sinceMs }: Pause): string {
  return `${kind} ${name} is paused by ${who} since ${new Date(sinceMs).toISOString()}`;
}

function isPause(value: unknown): value is Pause {
  const { kind, name, who, sinceMs } = (value ?? {}) as Partial<Pause>;
  return (kind === "source" || kind === "sink") && typeof name === "string" && typeof who === "string" &&
    typeof sinceMs === "number" && Math.abs(sinceMs) <= 8.64e15;
}
