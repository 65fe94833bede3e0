import type { Controls } from "../runtime/controls.ts";
import type { Rereading } from "../runtime/resettings.ts";
import { audited } from "./audited.ts";
import { OrderError } from "./order_error.ts";

/**
 * Closes all open windows of a running handler. Their later events correct them. Returns how many there were.
 *
 * @param actor The operator, for the audit.
 * @throws {OrderError} The state cannot be written just now. @throws {StateError}
 */
export function flush(actor: string, stateDir: string, controls: Controls): Promise<number> {
  return audited(actor, { action: "flush", detail: "all open windows" }, stateDir, async () => {
    const closed = await controls.flush();
    if (closed === undefined) {
      const reason = controls.look().obstacle?.detail ?? "the state cannot be written";
      throw new OrderError("impossible", `the windows stay open: ${reason}`);
    }
    return { result: `${closed} closed`, value: closed };
  });
}

/**
 * Has a running handler read its settings again, as at a SIGHUP. Where they are wrong, those in force stay.
 *
 * @param actor The operator, for the audit.
 * @throws {OrderError} The new settings are wrong. @throws {StateError}
 */
export function reload(
  actor: string,
  stateDir: string,
  controls: Controls,
): Promise<Exclude<Rereading, { fault: string }>> {
  return audited(actor, { action: "reload", detail: "the settings" }, stateDir, async () => {
    const value = await controls.reload();
    if ("fault" in value) throw new OrderError("wrong", `the settings stay as they were: ${value.fault}`);
    const changed = value.changed.join(", ") || "nothing";
    const later = value.atStart.length > 0 ? `; at the next start: ${value.atStart.join(", ")}` : "";
    return { result: `changed: ${changed}${later}`, value };
  });
}
