import type { ServiceManager } from "../runtime/handler_options.ts";

/**
 * The service manager that has started this process, by the variables of systemd and others like it;
 * undefined: none wants notifications.
 */
export function serviceManager(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): ServiceManager | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC, WATCHDOG_PID } = environment;
  if (!socket) return undefined;
  const watchdogMs = Number(WATCHDOG_USEC) / 1000;
  // A child of the watched process inherits the variables, but it is not watched.
  const isMeant = !WATCHDOG_PID || Number(WATCHDOG_PID) === pid;
  return { socket, watchdogMs: isMeant && watchdogMs > 0 ? watchdogMs : undefined };
}
