import type { ServiceManager } from "../runtime/handler_options.ts";

/** Who has started this process, by what systemd and its like leave in the environment; undefined: nobody asks to be told. */
export function serviceManager(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): ServiceManager | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC, WATCHDOG_PID } = environment;
  if (!socket) return undefined;
  const watchdogMs = Number(WATCHDOG_USEC) / 1000;
  // A process that a watched one has started inherits the variables, but is not meant.
  const isMeant = !WATCHDOG_PID || Number(WATCHDOG_PID) === pid;
  return { socket, watchdogMs: isMeant && watchdogMs > 0 ? watchdogMs : undefined };
}
