import assert from "node:assert/strict";
import { serviceManager } from "../../src/cli/service_manager.ts";

Deno.test("without a socket there is no service manager", () => {
  assert.equal(serviceManager({}, 1), undefined);
  assert.equal(serviceManager({ NOTIFY_SOCKET: "", WATCHDOG_USEC: "1" }, 1), undefined);
});

Deno.test("the watchdog counts only for the process that is meant", () => {
  const of = (more: Record<string, string>) =>
    serviceManager({ NOTIFY_SOCKET: "/run/notify", ...more }, 7)!.watchdogMs;
  assert.equal(of({}), undefined);
  assert.equal(of({ WATCHDOG_USEC: "30000000" }), 30_000);
  assert.equal(of({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" }), 30_000);
  assert.equal(of({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "8" }), undefined);
  assert.equal(of({ WATCHDOG_USEC: "soon" }), undefined);
});
