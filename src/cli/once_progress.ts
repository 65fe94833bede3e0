import type { LiveOverview } from "../runtime/overview.ts";
import { systemClock } from "../platform/clock/clock.ts";
import { drawStderr } from "../platform/terminal/streams.ts";

const LOOK_MS = 1000;
const CLEAR = "\r\x1b[K";
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** What was seen when it began: a call may go on where an earlier one was left. */
interface Beginning {
  readonly ms: number;
  readonly readBytes: number;
  readonly received: number;
}

/** Draws the progress on the terminal until the signal fires, in a line that is gone then. */
export async function showProgress(look: () => LiveOverview, read: AbortSignal): Promise<void> {
  let beginning: Beginning | undefined;
  let isDrawn = false;
  for (;;) {
    await systemClock.sleep(LOOK_MS, read);
    if (read.aborted) break;
    const overview = look();
    const nowMs = systemClock.monotonicMs();
    beginning ??= beginningOf(overview, nowMs);
    const line = progressLine(overview, beginning, nowMs);
    isDrawn ||= line !== undefined;
    // A line of the log is written over it.
    if (line !== undefined) drawStderr(`${CLEAR}${line}\r`);
  }
  if (isDrawn) drawStderr(CLEAR);
}

function beginningOf({ buses, counts }: LiveOverview, ms: number): Beginning {
  return { ms, readBytes: extentOf(buses).readBytes, received: counts.received };
}

/**
 * Bytes of all, percent, events a second and the time left; undefined: the sources have no end that is known.
 *
 * @param nowMs Of the same clock as the beginning.
 */
export function progressLine(
  { buses, counts }: Pick<LiveOverview, "buses" | "counts">,
  beginning: Beginning,
  nowMs: number,
): string | undefined {
  const { readBytes, allBytes } = extentOf(buses);
  if (allBytes === 0) return undefined;
  const seconds = (nowMs - beginning.ms) / 1000;
  const parts = [
    `${inUnits(readBytes)} of ${inUnits(allBytes)}`,
    `${Math.floor(100 * readBytes / allBytes)} %`,
  ];
  const read = readBytes - beginning.readBytes;
  if (seconds > 0) {
    parts.push(
      `${Math.round((counts.received - beginning.received) / seconds).toLocaleString("en")} events/s`,
    );
  }
  if (seconds > 0 && read > 0) parts.push(`${duration((allBytes - readBytes) * seconds / read)} left`);
  return parts.join(", ");
}

function extentOf(buses: LiveOverview["buses"]): { readonly readBytes: number; readonly allBytes: number } {
  let [readBytes, allBytes] = [0, 0];
  for (const { extent } of buses) {
    readBytes += extent?.readBytes ?? 0;
    allBytes += extent?.allBytes ?? 0;
  }
  return { readBytes, allBytes };
}

function inUnits(bytes: number): string {
  let [amount, unit] = [bytes, 0];
  for (; amount >= 1000 && unit < UNITS.length - 1; unit++) amount /= 1000;
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}
